// Documents that are shown and not kept: previews of edits, explanations, what the doctor says.

import * as vscode from 'vscode';

export const PREVIEW = 'tabwright-preview';
export const PAGE = 'tabwright-page';

export class Pages implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly texts = new Map<string, string>();
  private readonly registered: vscode.Disposable;
  private number = 0;
  readonly onDidChange = this.changed.event;

  constructor() {
    this.registered = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(PREVIEW, this),
      vscode.workspace.registerTextDocumentContentProvider(PAGE, this),
      vscode.workspace.onDidCloseTextDocument((document) => this.forget(document.uri)),
    );
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  /** A new document of a scheme; the path ends in its name, which tells its language. */
  add(scheme: string, path: string, text: string): vscode.Uri {
    this.number += 1;
    const rooted = path.startsWith('/') ? path : `/${path}`;
    const uri = vscode.Uri.from({ scheme, path: rooted, query: String(this.number) });
    this.texts.set(uri.toString(), text);
    return uri;
  }

  /** Show Markdown as a page beside the editor. */
  async showMarkdown(name: string, markdown: string): Promise<void> {
    const uri = this.add(PAGE, `${name}.md`, markdown);
    await vscode.commands.executeCommand('markdown.showPreviewToSide', uri);
  }

  forget(uri: vscode.Uri): void {
    if (uri.scheme === PREVIEW) {
      this.texts.delete(uri.toString());
    }
  }

  dispose(): void {
    this.registered.dispose();
    this.changed.dispose();
  }
}
