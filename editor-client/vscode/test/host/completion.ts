// Inline completions by typing and by the editor's own commands: in files, cells and both roots.

import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { at, pause, ready, shown, take, type, until, type Tests } from './window';

const START = 'def add(a, b):\n    \n';
const WHOLE = 'def add(a, b):\n    return a + b\n';

async function rooted(index: number, name: string): Promise<vscode.TextEditor> {
  const root = vscode.workspace.workspaceFolders?.[index];
  assert.ok(root, `root ${index}`);
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(root.uri, name));
  return at(await vscode.window.showTextDocument(document), START.length - 1);
}

export const tests: Tests = {
  'what is typed is completed, and taken': async () => {
    const { document } = await shown(START, START.length - 1);
    await type('ret');
    await take(document, WHOLE);
  },

  'a word is taken alone': async () => {
    const { document } = await shown(START, START.length - 1);
    await type('return');
    await until('a word is taken', async () => {
      await vscode.commands.executeCommand('editor.action.inlineSuggest.acceptNextWord');
      return document.getText() === 'def add(a, b):\n    return a\n';
    });
  },

  'a suggestion that is hidden is not taken until it is asked for again': async () => {
    const { document } = await shown(START, START.length - 1);
    await type('ret');
    await pause(1500);
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
    await vscode.commands.executeCommand('editor.action.inlineSuggest.commit');
    assert.equal(document.getText(), 'def add(a, b):\n    ret\n');
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
    await take(document, WHOLE);
  },

  'both roots are completed by one server': async () => {
    const { pid } = await ready();
    for (const [index, name] of ['first.py', 'second.py'].entries()) {
      const { document } = await rooted(index, name);
      await type('ret');
      await take(document, WHOLE);
      await vscode.commands.executeCommand('workbench.action.files.revert');
    }
    assert.equal((await ready()).pid, pid);
  },

  'a cell of a notebook is completed': async () => {
    const cells = ['import math', START].map(
      (text) => new vscode.NotebookCellData(vscode.NotebookCellKind.Code, text, 'python'),
    );
    const notebook = await vscode.workspace.openNotebookDocument('jupyter-notebook', new vscode.NotebookData(cells));
    const selections = [new vscode.NotebookRange(1, 2)];
    await vscode.window.showNotebookDocument(notebook, { selections });
    const { document } = notebook.cellAt(1);
    const editor = await until('the cell is edited', async () => {
      await vscode.commands.executeCommand('notebook.cell.edit');
      const active = vscode.window.activeTextEditor;
      return active?.document === document ? active : null;
    });
    at(editor, START.length - 1);
    await type('ret');
    await take(document, WHOLE);
  },
};
