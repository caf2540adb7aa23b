// The one server of the window: found, started, watched, restarted and stopped.

import * as fs from 'node:fs/promises';
import * as vscode from 'vscode';
import { ExecuteCommandRequest, type LanguageClient } from 'vscode-languageclient/node';
import { makeClient, tellChange, type ClientHooks } from './client';
import { carriedWheel, folderFor, installed } from './environment';
import { locate, NotThere, type ServerProgram } from './locate';
import { RestartLimit } from './restarts';
import { own } from './settings';

export type Life = 'stopped' | 'missing' | 'starting' | 'running' | 'dead';

export class Server implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<Life>();
  private readonly limit = new RestartLimit();
  private client: LanguageClient | undefined;
  private queue: Promise<void> = Promise.resolve();
  private state: Life = 'stopped';
  /** Whether one has run since the deaths were last counted from zero. */
  private hasRun = false;

  readonly onDidChange = this.changed.event;
  /** The program that runs or would run, once it was looked for. */
  program: ServerProgram | null = null;
  /** Whether that is an environment of ours made for another wheel than the extension carries. */
  isOutdated = false;
  /** Why the server is not there, "" where that is no secret. */
  problem = '';

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly hooks: Omit<ClientHooks, 'ended'>,
  ) {}

  get life(): Life {
    return this.state;
  }

  get storage(): string {
    return this.context.globalStorageUri.fsPath;
  }

  /** Find the server and start it, after what is under way; says by `life` how that went. */
  start(): Promise<void> {
    return this.next(async () => {
      if (this.client === undefined) {
        await this.begin();
      }
    });
  }

  /** Start anew with the settings of now, and count its deaths from zero. */
  restart(): Promise<void> {
    return this.next(async () => {
      await this.end();
      this.limit.reset();
      this.hasRun = false;
      await this.begin();
    });
  }

  stop(): Promise<void> {
    return this.next(() => this.end());
  }

  /** Ask one of the server's commands; rejects where it does not run. */
  async ask<T>(command: string, argument: object = {}, token?: vscode.CancellationToken): Promise<T> {
    const client = this.running();
    const params = { command, arguments: [argument] };
    return (await client.sendRequest(ExecuteCommandRequest.type, params, token)) as T;
  }

  /** The running client; throws where there is none. */
  running(): LanguageClient {
    if (this.client === undefined || this.state !== 'running') {
      throw new Error(vscode.l10n.t('The server does not run.'));
    }
    return this.client;
  }

  /** Have the server read its settings again. */
  async refreshSettings(): Promise<void> {
    if (this.client !== undefined && this.state === 'running') {
      await tellChange(this.client);
    }
  }

  /** Tell the server that the user trusts this workspace now; one that starts later hears it at its start. */
  trust(): Promise<void> {
    return this.next(async () => {
      if (this.state === 'running') {
        await this.ask('tabwright.trust', { workspace: true });
        await this.refreshSettings();
      }
    });
  }

  /** The server's program by the settings of now, null where there is none. */
  async find(): Promise<ServerProgram | null> {
    const wanted = own();
    const carried = await carriedWheel(this.context.extensionPath);
    const mine = carried === null ? null : await folderFor(this.storage, carried);
    const all = await installed(this.storage);
    const environments = [...all].sort((a, b) => Number(b === mine) - Number(a === mine));
    this.program = await locate({
      command: wanted.command,
      python: wanted.python,
      environments,
      searchPath: process.env['PATH'] ?? '',
    });
    this.isOutdated = this.program?.source === 'environment' && mine !== null && !all.includes(mine);
    return this.program;
  }

  dispose(): void {
    this.changed.dispose();
  }

  private next(work: () => Promise<void>): Promise<void> {
    const done = this.queue.then(work);
    this.queue = done.catch((error: unknown) => this.log.error(String(error)));
    return done;
  }

  private async begin(): Promise<void> {
    this.problem = '';
    try {
      if ((await this.find()) === null) {
        this.become('missing');
        return;
      }
    } catch (error) {
      this.problem = error instanceof NotThere ? notThere(error) : String(error);
      this.become('dead');
      this.complain(this.problem, error instanceof NotThere ? error.setting : undefined);
      return;
    }
    await this.launch(this.program as ServerProgram);
  }

  private async launch(program: ServerProgram): Promise<void> {
    await fs.mkdir(this.storage, { recursive: true });
    this.log.info(`starting ${commandLine(program)}`);
    const client = makeClient(program, this.storage, this.log, {
      ...this.hooks,
      ended: () => this.ended(client, program),
    });
    this.client = client;
    this.become('starting');
    try {
      await client.start();
    } catch (error) {
      this.log.error(`the server could not be started: ${String(error)}`);
      this.ended(client, program);
      return;
    }
    if (client === this.client) {
      this.hasRun = true;
      this.become('running');
    }
  }

  /** A client lives as long as its process: another is made unless too many ended; told twice is told once. */
  private ended(client: LanguageClient, program: ServerProgram): void {
    if (client !== this.client) {
      return;
    }
    this.client = undefined;
    if (this.limit.allows(Date.now())) {
      this.log.warn('the server ended unexpectedly; it is started again');
      this.become('starting');
      void this.start();
    } else if (this.hasRun) {
      this.fail(vscode.l10n.t('The server ended again and again and is not restarted any more. Its log says why.'));
    } else {
      this.fail(vscode.l10n.t('The server could not be started: {0}', commandLine(program)));
    }
  }

  private fail(message: string): void {
    this.problem = message;
    this.become('dead');
    this.complain(message);
  }

  private complain(message: string, setting?: string): void {
    const restart = vscode.l10n.t('Restart');
    const showLog = vscode.l10n.t('Show Log');
    const openSettings = vscode.l10n.t('Open Settings');
    const first = setting === undefined ? restart : openSettings;
    void vscode.window.showErrorMessage(`Tabwright: ${message}`, first, showLog).then((chosen) => {
      if (chosen === restart) {
        void this.restart();
      } else if (chosen === showLog) {
        this.log.show();
      } else if (chosen === openSettings) {
        void vscode.commands.executeCommand('workbench.action.openSettings', setting);
      }
    });
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) {
      try {
        await client.dispose();
      } catch (error) {
        this.log.warn(`the server did not end in order: ${String(error)}`);
      }
    }
    this.become('stopped');
  }

  private become(state: Life): void {
    if (this.state !== state) {
      this.state = state;
      void vscode.commands.executeCommand('setContext', 'tabwright.running', state === 'running');
      this.changed.fire(state);
    }
  }
}

function commandLine(program: ServerProgram): string {
  return [program.command, ...program.args].join(' ');
}

function notThere(error: NotThere): string {
  return vscode.l10n.t(
    'The setting {0} names a program that is not there: {1}. Correct it, or empty it to use another server.',
    error.setting,
    error.program,
  );
}
