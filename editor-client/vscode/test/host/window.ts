// What the tests in the extension host do with the window: open, type, take, wait.

import assert from 'node:assert/strict';
import * as vscode from 'vscode';

export type Tests = Readonly<Record<string, () => Promise<void>>>;

export interface Status {
  readonly pid: number;
  readonly state: string;
  readonly model: string;
  readonly requests: number;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Try until `holds` gives something true, which is returned. */
export async function until<T>(what: string, holds: () => T | Promise<T>, ms = 30_000): Promise<NonNullable<T>> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await holds();
    if (found) {
      return found as NonNullable<T>;
    }
    assert.ok(Date.now() < end, `not within ${ms} ms: ${what}`);
    await pause(100);
  }
}

/** Ask a command of the server's, as its client offers it. */
export function ask<T>(name: string, argument: object = {}): Thenable<T> {
  return vscode.commands.executeCommand<T>(`tabwright.${name}`, argument);
}

export async function ready(): Promise<Status> {
  return until('the server is ready', async () => {
    const status = await ask<Status | undefined>('status').then((found) => found, () => undefined);
    return status?.state === 'ready' ? status : null;
  });
}

/** Show a document of a text with the cursor at an offset. */
export async function shown(content: string, offset: number, language = 'python'): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument({ content, language });
  return at(await vscode.window.showTextDocument(document), offset);
}

export function at(editor: vscode.TextEditor, offset: number): vscode.TextEditor {
  const place = editor.document.positionAt(offset);
  editor.selection = new vscode.Selection(place, place);
  return editor;
}

/** Type into the focused editor, one key after the other. */
export async function type(text: string): Promise<void> {
  for (const key of text) {
    await vscode.commands.executeCommand('type', { text: key });
    await pause(40);
  }
}

/** Take the suggestion once there is one: the command does nothing before. */
export async function take(document: vscode.TextDocument, wanted: string): Promise<void> {
  await until(`the document is ${JSON.stringify(wanted)}`, async () => {
    await vscode.commands.executeCommand('editor.action.inlineSuggest.commit');
    return document.getText() === wanted;
  });
}

/** Whether nothing is suggested for a while, though asked for by hand too. */
export async function nothingComes(document: vscode.TextDocument): Promise<void> {
  const before = document.getText();
  await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
  await pause(1500);
  await vscode.commands.executeCommand('editor.action.inlineSuggest.commit');
  assert.equal(document.getText(), before);
}
