// The status bar item: how Tabwright is, the model and the last latency; a click opens the menu.

import * as vscode from 'vscode';
import type { Status } from './answers';
import type { State } from './state';

const ICONS: Record<State, string> = {
  installing: '$(sync~spin)',
  missing: '$(cloud-download)',
  error: '$(error)',
  off: '$(circle-slash)',
  snoozed: '$(bell-slash)',
  pulling: '$(sync~spin)',
  'no model': '$(cloud-download)',
  loading: '$(sync~spin)',
  working: '$(loading~spin)',
  ready: '$(sparkle)',
};

export interface Shown {
  readonly state: State;
  readonly status: Status | null;
  readonly problem: string;
  readonly snoozedUntil: number;
  readonly languageId: string | undefined;
}

/** A sentence on how Tabwright is. */
export function sentence(shown: Shown): string {
  const { l10n } = vscode;
  const model = shown.status?.model ?? '';
  switch (shown.state) {
    case 'installing':
      return l10n.t('The server is being installed.');
    case 'missing':
      return l10n.t('The server is not installed. Click to install it.');
    case 'error':
      return shown.problem || shown.status?.problem || l10n.t('Something is wrong.');
    case 'off':
      return shown.languageId === undefined
        ? l10n.t('Off.')
        : l10n.t('Off for {0}.', shown.languageId);
    case 'snoozed':
      return l10n.t('Snoozed until {0}.', timeOf(shown.snoozedUntil));
    case 'pulling':
      return l10n.t('The model {0} is being pulled.', model);
    case 'no model':
      return l10n.t('The model {0} is not on this machine. Click to pull it.', model);
    case 'loading':
      return l10n.t('Loading.');
    case 'working':
      return l10n.t('Working.');
    case 'ready':
      return l10n.t('Ready.');
  }
}

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'tabwright.status',
    vscode.StatusBarAlignment.Right,
    100,
  );

  constructor() {
    this.item.name = 'Tabwright';
    this.item.command = 'tabwright.showMenu';
    this.item.show();
  }

  show(shown: Shown): void {
    const said = sentence(shown);
    this.item.text = `${ICONS[shown.state]} Tabwright`;
    this.item.tooltip = tooltip(said, shown.status);
    this.item.accessibilityInformation = { label: `Tabwright: ${said}`, role: 'button' };
    const color = { error: 'errorBackground', missing: 'warningBackground' }[shown.state as string];
    this.item.backgroundColor =
      color === undefined ? undefined : new vscode.ThemeColor(`statusBarItem.${color}`);
  }

  dispose(): void {
    this.item.dispose();
  }
}

function tooltip(said: string, status: Status | null): vscode.MarkdownString {
  const { l10n } = vscode;
  const lines = [`**Tabwright**: ${escaped(said)}`];
  if (status !== null) {
    lines.push(l10n.t('Model: {0}', escaped(status.model)));
    if (status.remote !== null) {
      lines.push(l10n.t('Remote engine: {0}', escaped(status.remote)));
    }
    if (status.last_ms !== null) {
      lines.push(l10n.t('Last answer: {0} ms', Math.round(status.last_ms)));
    }
    if (status.no_model_share !== null) {
      const share = Math.round(status.no_model_share * 100);
      lines.push(l10n.t('Answers that needed no computing: {0} %', share));
    }
  }
  const shown = new vscode.MarkdownString(lines.join('\n\n'));
  // Links to commands and HTML stay text, whatever a later default may be.
  shown.isTrusted = false;
  shown.supportHtml = false;
  return shown;
}

// Control characters, and those that change the order of others or are not seen.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** A text that Markdown shows as it is. */
export function escaped(text: string): string {
  return text.replace(HIDDEN, '').replace(/[\\`*_{}[\]()#+\-.!|<>~&:]/g, '\\$&');
}

function timeOf(ms: number): string {
  const options: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
  return new Date(ms).toLocaleTimeString(vscode.env.language, options);
}
