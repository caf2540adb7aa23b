// Suggestions that come after the editor has lost patience with them.
//
// From some version on VS Code gives up a suggestion that takes longer than 750 ms and shows its own
// list instead. A model on a slow machine would never be seen. So a request that ends in that way
// goes on, and its answer is shown if nothing was typed and the cursor is where it was.

import * as vscode from 'vscode';

type Items = vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined;
type Next = (
  document: vscode.TextDocument,
  position: vscode.Position,
  context: vscode.InlineCompletionContext,
  token: vscode.CancellationToken,
) => vscode.ProviderResult<vscode.InlineCompletionItem[] | vscode.InlineCompletionList>;

/**
 * When the editor's patience may be seen to end: 750 ms, heard of sooner where the request was late to
 * reach us, later where the cancelling was. A cancel at another time is somebody's wish.
 */
const PATIENCE_MS = { from: 300, to: 5000 };
const LONGEST_MS = 15_000;

interface Asked {
  readonly document: vscode.TextDocument;
  readonly version: number;
  readonly position: vscode.Position;
  readonly stop: vscode.CancellationTokenSource;
}

export class LateAnswers implements vscode.Disposable {
  private readonly listening: vscode.Disposable;
  private waiting: Asked | undefined;
  private ready: { readonly asked: Asked; readonly items: Items } | undefined;

  constructor() {
    this.listening = vscode.Disposable.from(
      vscode.workspace.onDidChangeTextDocument(() => this.look()),
      vscode.window.onDidChangeTextEditorSelection(() => this.look()),
      vscode.window.onDidChangeActiveTextEditor(() => this.look()),
      vscode.window.onDidChangeWindowState(() => this.look()),
    );
  }

  /** Ask through `next`; what was ready for just this place is the answer at once. */
  async ask(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
    next: Next,
  ): Promise<Items> {
    const found = this.take(document, position);
    if (found !== undefined) {
      return found;
    }
    this.give(this.waiting);
    const stop = new vscode.CancellationTokenSource();
    const asked = { document, version: document.version, position, stop };
    const began = Date.now();
    const answer = Promise.resolve(next(document, position, context, stop.token));
    return await new Promise<Items>((resolve, reject) => {
      const cancelled = token.onCancellationRequested(() => {
        cancelled.dispose();
        const took = Date.now() - began;
        if (took >= PATIENCE_MS.from && took <= PATIENCE_MS.to && isThere(asked)) {
          void this.later(asked, answer);
        } else {
          stop.cancel();
        }
        resolve(null);
      });
      answer.then(resolve, reject).finally(() => cancelled.dispose());
    });
  }

  dispose(): void {
    this.give(this.waiting);
    this.listening.dispose();
  }

  /** Wait for an answer that the editor does not wait for, and have the editor ask again for it. */
  private async later(asked: Asked, answer: Promise<Items>): Promise<void> {
    this.waiting = asked;
    const timer = setTimeout(() => this.give(asked), LONGEST_MS);
    const items = await answer.catch(() => null); // the client has told of the failure
    clearTimeout(timer);
    if (this.waiting !== asked) {
      return;
    }
    this.waiting = undefined;
    const count = Array.isArray(items) ? items.length : (items?.items.length ?? 0);
    if (count > 0 && isThere(asked)) {
      this.ready = { asked, items };
      await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
    }
  }

  private take(document: vscode.TextDocument, position: vscode.Position): Items {
    const { ready } = this;
    this.ready = undefined;
    const fits =
      ready !== undefined &&
      ready.asked.document === document &&
      ready.asked.version === document.version &&
      ready.asked.position.isEqual(position);
    return fits ? ready.items : undefined;
  }

  private look(): void {
    if (this.waiting !== undefined && !isThere(this.waiting)) {
      this.give(this.waiting);
    }
  }

  private give(asked: Asked | undefined): void {
    if (asked !== undefined && this.waiting === asked) {
      this.waiting = undefined;
      asked.stop.cancel();
    }
  }
}

/** Whether the document and the cursor are as they were, and somebody looks at them. */
function isThere(asked: Asked): boolean {
  const active = vscode.window.activeTextEditor?.selection.active;
  return isLookedAt(asked) && active?.isEqual(asked.position) === true;
}

/** Whether somebody looks at a document that is as it was, with nothing selected. */
export function isLookedAt({ document, version }: Pick<Asked, 'document' | 'version'>): boolean {
  const editor = vscode.window.activeTextEditor;
  return (
    vscode.window.state.focused &&
    editor?.document === document &&
    document.version === version &&
    editor.selection.isEmpty
  );
}
