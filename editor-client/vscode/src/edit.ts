// "Edit with instruction": asks what to change, shows the difference, then applies or drops it.

import * as vscode from 'vscode';
import type { Edited } from './answers';
import { withEdits } from './edits';
import { PREVIEW, type Pages } from './pages';
import type { Server } from './server';

/** One edit that is looked at and neither applied nor dropped yet. */
interface Proposal {
  readonly document: vscode.TextDocument;
  readonly range: vscode.Range;
  readonly version: number;
  readonly edit: vscode.WorkspaceEdit;
  readonly preview: vscode.Uri;
}

export class Editing implements vscode.Disposable {
  private readonly closing: vscode.Disposable;
  private proposal: Proposal | undefined;

  constructor(
    private readonly server: Server,
    private readonly pages: Pages,
  ) {
    this.closing = vscode.window.tabGroups.onDidChangeTabs((event) => {
      const shown = this.proposal;
      if (shown !== undefined && event.closed.some((tab) => shows(tab, shown.preview))) {
        void this.discard();
      }
    });
  }

  /** Ask for an instruction about the selection, or the place of the cursor. */
  async begin(instruction?: string): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined || editor.document.uri.scheme === PREVIEW) {
      await (this.proposal === undefined ? nothingOpen() : this.refine());
      return;
    }
    await this.discard();
    const title = vscode.l10n.t('What is to change?');
    const said = instruction ?? (await ask(title));
    if (said !== undefined) {
      await this.propose(editor.document, editor.selection, said);
    }
  }

  /** Ask for a further instruction about what is shown. */
  async refine(): Promise<void> {
    const shown = this.proposal;
    const said = shown && (await ask(vscode.l10n.t('What else is to change?')));
    if (shown !== undefined && said !== undefined && shown === this.proposal) {
      await this.propose(shown.document, shown.range, said);
    }
  }

  /** Make the edit that is shown, unless the document has moved on. */
  async apply(): Promise<void> {
    const shown = this.proposal;
    if (shown === undefined) {
      return;
    }
    if (shown.document.isClosed || shown.document.version !== shown.version) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t('Tabwright: the document has changed since, so the edit was not applied. Ask again.'),
      );
      return;
    }
    this.forget(shown);
    const applied = await vscode.workspace.applyEdit(shown.edit);
    await this.close(shown);
    await this.end('tabwright.accept', shown);
    if (!applied) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t('Tabwright: the editor refused the edit; the document is as it was.'),
      );
    }
  }

  /** Drop the edit that is shown; the document stays as it is. */
  async discard(): Promise<void> {
    const shown = this.proposal;
    if (shown !== undefined) {
      this.forget(shown);
      await this.close(shown);
      await this.end('tabwright.drop', shown);
    }
  }

  dispose(): void {
    this.closing.dispose();
  }

  private async propose(document: vscode.TextDocument, range: vscode.Range, instruction: string): Promise<void> {
    const client = this.server.running();
    const answer = await this.server.ask<Edited>('tabwright.edit', {
      uri: client.code2ProtocolConverter.asUri(document.uri),
      version: document.version,
      range: client.code2ProtocolConverter.asRange(range),
      instruction,
    });
    // Without an edit the server has said why.
    if (answer.edit === null || answer.version === undefined) {
      return;
    }
    const edit = await client.protocol2CodeConverter.asWorkspaceEdit(answer.edit);
    const before = this.proposal;
    const text = document.getText();
    const places = edit.get(document.uri).map((each) => ({
      start: document.offsetAt(each.range.start),
      end: document.offsetAt(each.range.end),
      text: each.newText,
    }));
    const preview = this.pages.add(PREVIEW, document.uri.path, withEdits(text, places));
    this.proposal = { document, range, version: answer.version, edit, preview };
    if (before !== undefined) {
      await this.close(before);
    }
    await this.show(this.proposal, answer, instruction);
  }

  private async show(shown: Proposal, answer: Edited, instruction: string): Promise<void> {
    const opened = await vscode.workspace.openTextDocument(shown.preview);
    if (opened.languageId !== shown.document.languageId) {
      await vscode.languages.setTextDocumentLanguage(opened, shown.document.languageId);
    }
    void vscode.commands.executeCommand('setContext', 'tabwright.previewing', true);
    const title = `${nameOf(shown.document)}: ${instruction}`;
    await vscode.commands.executeCommand('vscode.diff', this.left(shown), shown.preview, title);
    void this.offer(shown, answer);
  }

  /** The document itself; of a notebook's cell, which has no editor of its own, a copy. */
  private left(shown: Proposal): vscode.Uri {
    const { uri } = shown.document;
    const isCell = uri.scheme === 'vscode-notebook-cell';
    return isCell ? this.pages.add(PREVIEW, uri.path, shown.document.getText()) : uri;
  }

  private async offer(shown: Proposal, answer: Edited): Promise<void> {
    const { l10n } = vscode;
    const [apply, refine, discard] = [l10n.t('Apply'), l10n.t('Refine…'), l10n.t('Discard')];
    const doubt = answer.faults.length > 0 ? ` ${l10n.t('Look closely: {0}.', answer.faults.join('; '))}` : '';
    const question = `Tabwright: ${l10n.t('Apply this edit?')}${doubt}`;
    const chosen = await vscode.window.showInformationMessage(question, apply, refine, discard);
    // The buttons of the editor may have decided it: the notification is still there.
    if (shown !== this.proposal) {
      if (chosen === apply || chosen === refine) {
        void vscode.window.showInformationMessage(
          l10n.t('Tabwright: that edit has been decided already. Ask again for another.'),
        );
      }
    } else if (chosen === apply) {
      await this.apply();
    } else if (chosen === refine) {
      await this.refine();
    } else if (chosen === discard) {
      await this.discard();
    }
  }

  private forget(shown: Proposal): void {
    if (this.proposal === shown) {
      this.proposal = undefined;
      void vscode.commands.executeCommand('setContext', 'tabwright.previewing', false);
    }
  }

  private async close(shown: Proposal): Promise<void> {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    await vscode.window.tabGroups.close(tabs.filter((tab) => shows(tab, shown.preview)));
  }

  /** The next instruction begins anew. */
  private async end(command: string, shown: Proposal): Promise<void> {
    if (this.server.life === 'running') {
      const uri = this.server.running().code2ProtocolConverter.asUri(shown.document.uri);
      await this.server.ask(command, { uri });
    }
  }
}

function shows(tab: vscode.Tab, preview: vscode.Uri): boolean {
  return tab.input instanceof vscode.TabInputTextDiff && tab.input.modified.toString() === preview.toString();
}

function nameOf(document: vscode.TextDocument): string {
  return document.uri.path.split('/').at(-1) ?? '';
}

async function ask(title: string): Promise<string | undefined> {
  const said = await vscode.window.showInputBox({
    title,
    placeHolder: vscode.l10n.t('for example: handle an empty list'),
    ignoreFocusOut: true,
  });
  return said?.trim() ? said.trim() : undefined;
}

export async function nothingOpen(): Promise<void> {
  await vscode.window.showInformationMessage(vscode.l10n.t('Tabwright: open a file with code first.'));
}
