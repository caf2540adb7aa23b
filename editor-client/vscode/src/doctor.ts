// "Doctor": what the server's own check says about this machine, as a page.

import * as vscode from 'vscode';
import type { Pages } from './pages';
import { run } from './processes';
import type { Server } from './server';
import { escaped } from './status';

const DOCTOR_MS = 120_000;
/** Mildest first; the worst are shown first. */
const LEVELS = ['ok', 'warning', 'problem'];

interface Finding {
  readonly what: string;
  readonly level: string;
  readonly detail: string;
}

export async function doctor(server: Server, pages: Pages): Promise<void> {
  const { l10n } = vscode;
  const program = await server.find();
  if (program === null) {
    const install = l10n.t('Install the Server…');
    const message = l10n.t('Tabwright: the server is not installed on this machine.');
    if ((await vscode.window.showWarningMessage(message, install)) === install) {
      await vscode.commands.executeCommand('tabwright.installServer');
    }
    return;
  }
  const ran = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: l10n.t('Tabwright: checking this machine'),
      cancellable: true,
    },
    (_, token) => {
      const stop = new AbortController();
      token.onCancellationRequested(() => stop.abort());
      const args = [...program.args, 'doctor', '--json'];
      return run(program.command, args, {
        cwd: server.storage,
        timeoutMs: DOCTOR_MS,
        signal: stop.signal,
      });
    },
  );
  if (ran.failure === 'cancelled') {
    return;
  }
  const line = [program.command, ...program.args].join(' ');
  await pages.showMarkdown(l10n.t('Doctor'), page(findings(ran.stdout), line, ran.failure || ran.stderr));
}

/** What the doctor found; null for an answer that is none of its. */
function findings(stdout: string): readonly Finding[] | null {
  try {
    return JSON.parse(stdout) as readonly Finding[];
  } catch {
    return null;
  }
}

function page(found: readonly Finding[] | null, program: string, said: string): string {
  const { l10n } = vscode;
  const head = [`# ${l10n.t('Doctor')}`, '', `${l10n.t('Server')}: ${escaped(program)}`, ''];
  if (found === null) {
    const words = l10n.t('The server could not check this machine. It said:');
    const longest = Math.max(2, ...(said.match(/`+/g) ?? []).map((run) => run.length));
    const fence = '`'.repeat(longest + 1);
    return [...head, words, '', `${fence}text`, said.trim(), fence, ''].join('\n');
  }
  const rank = (one: Finding): number => LEVELS.indexOf(one.level);
  const rows = [...found]
    .sort((a, b) => rank(b) - rank(a))
    .map((one) => `- **${levelName(one.level)}**: ${escaped(one.what)}: ${escaped(one.detail)}`);
  return [...head, ...rows, ''].join('\n');
}

function levelName(level: string): string {
  const { l10n } = vscode;
  const names: Record<string, string> = { warning: l10n.t('warning'), problem: l10n.t('problem') };
  return names[level] ?? l10n.t('good');
}
