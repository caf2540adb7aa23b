// Suggestions for what was typed while no server was there to ask.
//
// No further key may come to ask again: somebody who waits would wait for ever. So once a server
// runs, the editor is told to ask for what was typed last, if that is still what somebody looks at.

import * as vscode from 'vscode';
import { isLookedAt } from './late';
import type { Server } from './server';

/** How long a server must have run until keys surely ask it: before, an answer to one may not be shown. */
const SETTLING_MS = 500;

export class MissedTyping implements vscode.Disposable {
  private readonly listening: vscode.Disposable;
  private missed: { readonly document: vscode.TextDocument; readonly version: number } | undefined;
  private asking = false;
  private settling: NodeJS.Timeout | undefined;

  /** `wanted` says whether suggestions are wanted now. */
  constructor(
    private readonly server: Server,
    private readonly wanted: () => boolean,
  ) {
    this.listening = vscode.Disposable.from(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) {
          this.note(document);
        }
      }),
      server.onDidChange((life) => {
        clearTimeout(this.settling);
        this.settling = life === 'running' ? setTimeout(() => void this.ask(), SETTLING_MS) : undefined;
      }),
    );
  }

  /** A document was typed in, or a request for it ended: where no server runs or has settled, that is missed. */
  note(document: vscode.TextDocument): void {
    // Others change by themselves: the log does while a server starts.
    const isTypedIn = vscode.window.activeTextEditor?.document === document;
    if (isTypedIn && (this.server.life !== 'running' || this.settling !== undefined)) {
      this.missed = { document, version: document.version };
    }
  }

  /** The context of a request; that of ours is as if it came by typing. */
  contextOf(given: vscode.InlineCompletionContext): vscode.InlineCompletionContext {
    const triggerKind = this.asking ? vscode.InlineCompletionTriggerKind.Automatic : given.triggerKind;
    this.asking = false;
    return { ...given, triggerKind };
  }

  dispose(): void {
    clearTimeout(this.settling);
    this.listening.dispose();
  }

  private async ask(): Promise<void> {
    const { missed } = this;
    this.missed = undefined;
    this.settling = undefined;
    if (missed !== undefined && isLookedAt(missed) && this.wanted()) {
      this.asking = true;
      try {
        await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
      } finally {
        this.asking = false;
      }
    }
  }
}
