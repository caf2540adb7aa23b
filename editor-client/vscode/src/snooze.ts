// No suggestions for some minutes; ends by itself, also after a reload of the window.

import * as vscode from 'vscode';

const KEY = 'snoozedUntil';
const MINUTE_MS = 60_000;
const CHOICES = [5, 15, 30, 60];
const MOST_MINUTES = 24 * 60;

export class Snooze implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;
  readonly onDidChange = this.changed.event;

  constructor(private readonly memory: vscode.Memento) {
    this.follow();
  }

  /** When it ends, in ms since 1970; 0 where it is not on. */
  get until(): number {
    const until = this.memory.get<number>(KEY, 0);
    return until > Date.now() ? until : 0;
  }

  get isOn(): boolean {
    return this.until > 0;
  }

  /** Ask for how long, and begin. */
  async choose(): Promise<void> {
    const other = vscode.l10n.t('Other…');
    const items = [
      ...CHOICES.map((minutes) => ({ label: vscode.l10n.t('{0} minutes', minutes), minutes })),
      { label: other, minutes: 0 },
    ];
    const title = vscode.l10n.t('No suggestions for how long? Asking by hand still works.');
    const chosen = await vscode.window.showQuickPick(items, { title });
    const minutes = chosen?.label === other ? await askMinutes() : chosen?.minutes;
    if (minutes !== undefined) {
      await this.begin(minutes);
    }
  }

  async begin(minutes: number): Promise<void> {
    await this.memory.update(KEY, Date.now() + minutes * MINUTE_MS);
    this.follow();
  }

  async end(): Promise<void> {
    await this.memory.update(KEY, undefined);
    this.follow();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
  }

  private follow(): void {
    clearTimeout(this.timer);
    const left = this.until - Date.now();
    if (left > 0) {
      this.timer = setTimeout(() => this.follow(), left);
    }
    void vscode.commands.executeCommand('setContext', 'tabwright.snoozed', this.isOn);
    this.changed.fire();
  }
}

async function askMinutes(): Promise<number | undefined> {
  const typed = await vscode.window.showInputBox({
    title: vscode.l10n.t('Minutes without suggestions'),
    validateInput: (text) =>
      minutesIn(text) === undefined
        ? vscode.l10n.t('A whole number from 1 to {0}, please.', MOST_MINUTES)
        : undefined,
  });
  return typed === undefined ? undefined : minutesIn(typed);
}

function minutesIn(text: string): number | undefined {
  const minutes = Number(text.trim());
  return Number.isInteger(minutes) && minutes >= 1 && minutes <= MOST_MINUTES ? minutes : undefined;
}
