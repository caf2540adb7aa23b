// Offers to install the server, shows how that goes, and says what to do when it fails.

import * as vscode from 'vscode';
import { carriedWheel, cleanUp, folderFor } from './environment';
import { install, InstallError, NEEDED_BYTES, type Stage } from './install';
import { findPythons, isUsable, OLDEST, probe, versionText, type Found, type Python } from './python';
import type { Server } from './server';
import { own } from './settings';

const DECLINED = 'installDeclined';
/** Rough shares of the whole time, for the bar. */
const SHARES: Record<Stage, number> = { environment: 10, server: 80, check: 10 };

export class Installer {
  private running: Promise<void> | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly server: Server,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Ask once whether to install, unless that was declined for good. */
  async offer(): Promise<void> {
    if (this.context.globalState.get<boolean>(DECLINED) === true || this.isRunning) {
      return;
    }
    const { l10n } = vscode;
    const [yes, never] = [l10n.t('Install'), l10n.t('Never Ask')];
    const other = l10n.t('I Have It');
    const chosen = await vscode.window.showInformationMessage(question(), yes, other, never);
    if (chosen === yes) {
      await this.install();
    } else if (chosen === other) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'tabwright.server');
    } else if (chosen === never) {
      await this.context.globalState.update(DECLINED, true);
    }
  }

  /** The extension brings another server than the one that it installed before: offer that. */
  async offerUpdate(): Promise<void> {
    const { l10n } = vscode;
    const update = l10n.t('Update');
    const message = l10n.t('Tabwright: this version of the extension brings a newer server. Install it beside the old one, which is removed afterwards?');
    if ((await vscode.window.showInformationMessage(message, update)) === update) {
      await this.install();
    }
  }

  /** Asked for by hand: say what it takes first. */
  async ask(): Promise<void> {
    const yes = vscode.l10n.t('Install');
    if ((await vscode.window.showInformationMessage(question(), { modal: true }, yes)) === yes) {
      await this.install();
    }
  }

  /** Install and start the server; what fails is told with what to do. */
  async install(): Promise<void> {
    const wheel = await carriedWheel(this.context.extensionPath);
    if (wheel === null) {
      void vscode.window.showErrorMessage(
        vscode.l10n.t('Tabwright: this build of the extension carries no server. Install tabwright with pip and name it in the setting tabwright.server.python.'),
      );
      return;
    }
    const python = await this.python();
    if (python !== null && this.running === undefined) {
      this.running = this.with(python, wheel).finally(() => {
        this.running = undefined;
        this.changed.fire();
      });
      this.changed.fire();
    }
    await this.running;
  }

  private async with(python: Python, wheel: string): Promise<void> {
    const target = await folderFor(this.server.storage, wheel);
    this.log.info(`installing ${wheel} with ${python.path} (${versionText(python)}) into ${target}`);
    const began = Date.now();
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Tabwright: installing the server'),
      cancellable: true,
    };
    try {
      await vscode.window.withProgress(options, (progress, token) =>
        this.watched(python, wheel, target, progress, token),
      );
    } catch (error) {
      if (!(error instanceof InstallError)) {
        throw error;
      }
      // Not awaited: the installation is over, whenever the message is answered.
      void this.explain(error, python);
      return;
    }
    this.log.info(`installed in ${Math.round((Date.now() - began) / 1000)} s`);
    await this.server.restart();
    await cleanUp(this.server.storage, target);
  }

  private async watched(
    python: Python,
    wheel: string,
    target: string,
    progress: vscode.Progress<{ message: string; increment?: number }>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    const plan = {
      python: python.path,
      wheel,
      storage: this.server.storage,
      target,
      pipArguments: own().pipArguments,
    };
    let before: Stage | undefined;
    const tell = (stage: Stage, line: string): void => {
      if (line !== '') {
        this.log.info(`${stage}: ${line}`);
      }
      const increment = stage === before || before === undefined ? 0 : SHARES[before];
      before = stage;
      progress.report({ message: told(stage, line), increment });
    };
    await install(plan, tell, stop.signal);
  }

  /** An interpreter to install with; asks for one, and says what to get, where there is none. */
  private async python(): Promise<Python | null> {
    const { l10n } = vscode;
    for (;;) {
      const found = await findPythons();
      const best = found.usable[0];
      if (best !== undefined) {
        return best;
      }
      const [again, browse] = [l10n.t('Try Again'), l10n.t('Choose Python…')];
      const chosen = await vscode.window.showErrorMessage(noPython(found), again, browse);
      if (chosen === browse) {
        const picked = await pickPython();
        if (picked !== null) {
          return picked;
        }
      } else if (chosen !== again) {
        return null;
      }
    }
  }

  private async explain(error: InstallError, python: Python): Promise<void> {
    const { l10n } = vscode;
    this.log.error(`not installed (${error.trouble}): ${error.detail}`);
    if (error.trouble === 'cancelled') {
      void vscode.window.showInformationMessage(l10n.t('Tabwright: the installation was cancelled; nothing of it is left.'));
      return;
    }
    const [again, showLog] = [l10n.t('Try Again'), l10n.t('Show Log')];
    const chosen = await vscode.window.showErrorMessage(advice(error, python), again, showLog);
    if (chosen === again) {
      await this.install();
    } else if (chosen === showLog) {
      this.log.show();
    }
  }
}

function question(): string {
  return vscode.l10n.t(
    'Tabwright runs a code model on this machine and needs its server for that. Install it now? It takes about 0.4 GB of disk and a minute, in a folder of its own. The model (0.5 GB to download) is asked about afterwards.',
  );
}

function told(stage: Stage, line: string): string {
  const { l10n } = vscode;
  const names: Record<Stage, string> = {
    environment: l10n.t('making an environment'),
    server: l10n.t('getting the server and its libraries'),
    check: l10n.t('trying it'),
  };
  const [, file, size] = /^\s*Downloading (\S+)(?: \(([^)]+)\))?/.exec(line) ?? [];
  if (file !== undefined) {
    const [name = file, version = ''] = file.split('/').at(-1)?.split('-') ?? [];
    return `${names[stage]}: ${name} ${version}${size === undefined ? '' : ` (${size})`}`;
  }
  return line.startsWith('Installing collected') ? `${names[stage]}: ${l10n.t('unpacking')}` : names[stage];
}

function noPython(found: Found): string {
  const { l10n } = vscode;
  const oldest = OLDEST.join('.');
  const withoutVenv = found.unusable.find((one) => !one.hasVenv && isUsable({ ...one, hasVenv: true }));
  if (withoutVenv !== undefined) {
    const version = withoutVenv.version.slice(0, 2).join('.');
    return l10n.t(
      'Tabwright: {0} cannot make virtual environments. Install its venv package (on Debian and Ubuntu: sudo apt install python{1}-venv) and try again.',
      withoutVenv.path,
      version,
    );
  }
  const first = found.unusable[0];
  if (first !== undefined) {
    return l10n.t(
      'Tabwright needs Python {0} or newer (64 bit). What was found is too old: Python {1} at {2}. Install a newer one beside it and try again.',
      oldest,
      versionText(first),
      first.path,
    );
  }
  return l10n.t(
    'Tabwright needs Python {0} or newer (64 bit), and none was found. Install it from python.org or with the package manager of your system, and try again.',
    oldest,
  );
}

async function pickPython(): Promise<Python | null> {
  const title = vscode.l10n.t('A Python interpreter, {0} or newer', OLDEST.join('.'));
  const picked = await vscode.window.showOpenDialog({ title, canSelectMany: false });
  const path = picked?.[0]?.fsPath;
  const python = path === undefined ? null : await probe([path]);
  if (path !== undefined && (python === null || !isUsable(python))) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t('Tabwright: {0} is no Python that can be used here.', path),
    );
    return null;
  }
  return python;
}

function advice(error: InstallError, python: Python): string {
  const { l10n } = vscode;
  const needed = `${(NEEDED_BYTES / 1e9).toFixed(1)} GB`;
  switch (error.trouble) {
    case 'disk':
      return l10n.t('Tabwright: the disk is full ({0}). Free about {1} and try again; nothing half done was left.', error.detail, needed);
    case 'network':
      return l10n.t('Tabwright: the packages could not be downloaded. Check the network or the proxy (HTTPS_PROXY, or --proxy in tabwright.server.pipArguments) and try again; nothing half done was left.');
    case 'certificate':
      return l10n.t('Tabwright: the certificate of the package index was refused. Behind a company proxy, add --cert and its certificate to tabwright.server.pipArguments, and try again.');
    case 'no-build':
      return l10n.t('Tabwright: a library has no build for Python {0} on this machine: {1}. Install Python 3.12 beside it and try again.', versionText(python), error.detail);
    case 'no-venv':
      return l10n.t(
        'Tabwright: {0} cannot make virtual environments. Install its venv package (on Debian and Ubuntu: sudo apt install python{1}-venv) and try again.',
        python.path,
        python.version.slice(0, 2).join('.'),
      );
    default:
      return l10n.t('Tabwright: the server could not be installed: {0}. The log tells more; nothing half done was left.', error.detail);
  }
}
