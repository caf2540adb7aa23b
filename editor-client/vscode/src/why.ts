// "Why no suggestion?": the reason in a message, and the figures of the request on a page.

import * as vscode from 'vscode';
import type { Why } from './answers';
import type { Pages } from './pages';
import type { Server } from './server';
import { escaped, sentence, type Shown } from './status';

/** `hiddenBy` is the word of the editor's own list that hides the last suggestion, "" if none. */
export async function why(server: Server, pages: Pages, shown: Shown, hiddenBy: string): Promise<void> {
  const { l10n } = vscode;
  if (shown.state === 'snoozed' || shown.state === 'off') {
    // The last request was made before, and is not why nothing comes now.
    void vscode.window.showInformationMessage(`Tabwright: ${sentence(shown)}`);
    return;
  }
  const answer = await server.ask<Why>('tabwright.why');
  const detail = answer.detail === '' ? '' : ` (${answer.detail})`;
  const reason = reasonOf(answer, hiddenBy);
  const [details, showLog] = [l10n.t('Details'), l10n.t('Show Log')];
  const message = `Tabwright: ${reason}${detail}`;
  const chosen = await vscode.window.showInformationMessage(message, details, showLog);
  if (chosen === details) {
    await pages.showMarkdown(l10n.t('Why no suggestion'), page(answer, `${reason}${detail}`));
  } else if (chosen === showLog) {
    await vscode.commands.executeCommand('tabwright.showLog');
  }
}

function reasonOf(answer: Why, hiddenBy: string): string {
  const { l10n } = vscode;
  if (answer.shown === undefined || answer.shown === 0) {
    return inUsersWords(answer.reason);
  }
  return hiddenBy === ''
    ? l10n.t('a suggestion was shown')
    : l10n.t(
        'there is a suggestion, but the list of the editor has "{0}" selected, which it does not begin with; Escape closes the list',
        hiddenBy,
      );
}

/** The server's reasons are English sentences; those that never change have translations. */
function inUsersWords(reason: string): string {
  return vscode.l10n.t(reason);
}

function page(answer: Why, reason: string): string {
  const { l10n } = vscode;
  const rows: [string, unknown][] = [
    [l10n.t('Reason'), reason],
    [l10n.t('Document'), answer.uri],
    [l10n.t('Line and column'), answer.position && `${answer.position.line + 1}:${answer.position.character + 1}`],
    [l10n.t('Answer from'), answer.source],
    [l10n.t('Time (ms)'), answer.ms],
    [l10n.t('Tokens of the prompt'), answer.prompt_tokens],
    [l10n.t('Tokens kept from before'), answer.reused_tokens],
    [l10n.t('Tokens computed'), answer.computed_tokens],
    [l10n.t('Tokens written'), answer.completion_tokens],
    [l10n.t('Waiting (ms)'), answer.queue_ms],
    [l10n.t('Reading (ms)'), answer.prefill_ms],
    [l10n.t('Writing (ms)'), answer.decode_ms],
    [l10n.t('Last action'), answer.action && `${answer.action.title}: ${answer.action.reason}`],
  ];
  const shown = rows.filter(([, value]) => value !== undefined && value !== null && value !== '');
  const lines = shown.map(([name, value]) => `| ${name} | ${cell(rounded(value))} |`);
  return [`# ${l10n.t('The last request')}`, '', '| | |', '| --- | --- |', ...lines, ''].join('\n');
}

function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : value;
}

/** A value as one cell of a Markdown table: names and words of others in it are text. */
function cell(value: unknown): string {
  return escaped(String(value).replace(/\s*[\r\n]\s*/g, ' '));
}
