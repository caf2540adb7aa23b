// Counts what the user waits for; says "working" only after a moment, so that nothing flickers.

import * as vscode from 'vscode';

const MOMENT_MS = 300;

export class Work implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;
  private count = 0;
  private shown = false;
  readonly onDidChange = this.changed.event;

  get isLong(): boolean {
    return this.shown;
  }

  begin(): vscode.Disposable {
    this.count += 1;
    this.timer ??= setTimeout(() => this.show(this.count > 0), MOMENT_MS);
    let open = true;
    return new vscode.Disposable(() => {
      if (open) {
        open = false;
        this.count -= 1;
        if (this.count === 0) {
          clearTimeout(this.timer);
          this.timer = undefined;
          this.show(false);
        }
      }
    });
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
  }

  private show(isLong: boolean): void {
    if (this.shown !== isLong) {
      this.shown = isLong;
      this.changed.fire();
    }
  }
}
