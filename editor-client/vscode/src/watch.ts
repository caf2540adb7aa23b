// Keeps the server's own word on how it is: asked after each request, and while it is loading or lacks
// its model, since it does not tell of a pull that it offered itself.

import * as vscode from 'vscode';
import type { Status } from './answers';
import type { Server } from './server';

const LOADING_MS = 1000;
const AFTER_ANSWER_MS = 400;
const UNSETTLED: readonly Status['state'][] = ['off', 'starting', 'loading', 'no model'];

export class Watch implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listening: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private last: Status | null = null;
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly server: Server,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.listening = server.onDidChange(() => {
      this.take(null);
      this.soon(0);
    });
  }

  /** What the server last said; null where it does not run or has not been asked. */
  get status(): Status | null {
    return this.last;
  }

  /** Something happened that may have changed it. */
  touch(): void {
    this.soon(AFTER_ANSWER_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.listening.dispose();
    this.changed.dispose();
  }

  private soon(ms: number): void {
    clearTimeout(this.timer);
    if (this.server.life === 'running') {
      this.timer = setTimeout(() => void this.ask(), ms);
    }
  }

  private async ask(): Promise<void> {
    try {
      this.take(await this.server.ask<Status>('tabwright.status'));
    } catch (error) {
      this.log.debug(`no status: ${String(error)}`); // it is just ending, and its life says so
      return;
    }
    const unsettled = UNSETTLED.includes(this.last?.state ?? 'ready');
    if (unsettled || (this.last?.pulling.length ?? 0) > 0) {
      this.soon(LOADING_MS);
    }
  }

  private take(status: Status | null): void {
    const before = this.last?.state;
    this.last = status;
    if (status?.state !== before) {
      const ready = status?.state === 'ready';
      void vscode.commands.executeCommand('setContext', 'tabwright.modelReady', ready);
    }
    this.changed.fire();
  }
}
