// Code actions as the API gives them: offered, resolved, applied.

import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { shown, type Tests } from './window';

const COUNT = 'count: int = "3"\n';
const COMMENT = '# a function larger that returns the larger of two numbers\n';

/** The actions at a range, the first ones with their edits. */
async function offered(document: vscode.TextDocument, range: vscode.Range): Promise<vscode.CodeAction[]> {
  const command = 'vscode.executeCodeActionProvider';
  const found = await vscode.commands.executeCommand<vscode.CodeAction[]>(command, document.uri, range, undefined, 20);
  return found.filter((each) => each.title !== undefined);
}

function named(found: readonly vscode.CodeAction[], start: string): vscode.CodeAction {
  const action = found.find((each) => each.title.startsWith(start));
  assert.ok(action, `${start}… among ${found.map((each) => each.title).join(', ')}`);
  return action;
}

export const tests: Tests = {
  'a diagnostic of another tool is mended': async () => {
    const { document } = await shown(COUNT, 13);
    const range = new vscode.Range(0, 13, 0, 16);
    const about = vscode.languages.createDiagnosticCollection('another');
    try {
      const diagnostic = new vscode.Diagnostic(range, 'a text is not assignable to int');
      diagnostic.source = 'another';
      about.set(document.uri, [diagnostic]);
      const fix = named(await offered(document, range), 'Fix');
      assert.ok(fix.kind !== undefined && vscode.CodeActionKind.QuickFix.contains(fix.kind));
      assert.ok(fix.edit && (await vscode.workspace.applyEdit(fix.edit)), 'it has an edit that can be applied');
      assert.equal(document.getText(), COUNT.replace('"3"', '3'));
    } finally {
      about.dispose();
    }
  },

  'a function is generated from a comment': async () => {
    const { document } = await shown(COMMENT, 5);
    const action = named(await offered(document, new vscode.Range(0, 5, 0, 5)), 'Generate');
    assert.ok(action.edit && (await vscode.workspace.applyEdit(action.edit)), 'it has an edit');
    assert.ok(document.getText().includes('return a if a > b else b\n'), document.getText());
  },

  'plain text is offered nothing': async () => {
    const { document } = await shown('Just words.\n', 4, 'plaintext');
    const found = await offered(document, new vscode.Range(0, 4, 0, 4));
    assert.deepEqual(found.filter((each) => each.title.startsWith('Fix') || each.title.startsWith('Generate')), []);
  },
};
