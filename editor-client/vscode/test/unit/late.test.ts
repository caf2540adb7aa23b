import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import * as vscode from 'vscode';
import { LateAnswers } from '../../src/late';
import { stub } from './vscode_stub';

const ITEMS = [{ insertText: 'a + b' }] as vscode.InlineCompletionItem[];
const position = { isEqual: (other: object) => other === position } as unknown as vscode.Position;
const context = {} as vscode.InlineCompletionContext;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Ask for what takes 3 s, and cancel after `ms`; what a second request at the same place gets. */
async function cancelledAfter(ms: number): Promise<unknown> {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const late = new LateAnswers();
  try {
    const document = { version: 1 } as vscode.TextDocument;
    stub.editor = { document, selection: { isEmpty: true, active: position } };
    stub.executed = [];
    const editor = new vscode.CancellationTokenSource();
    const slow = (): Promise<typeof ITEMS> => new Promise((resolve) => setTimeout(() => resolve(ITEMS), 3000));
    const first = late.ask(document, position, context, editor.token, slow);
    mock.timers.tick(ms);
    editor.cancel();
    assert.equal(await first, null);
    mock.timers.tick(3000 - ms);
    await settled();
    return await late.ask(document, position, context, new vscode.CancellationTokenSource().token, () => null);
  } finally {
    late.dispose();
    mock.timers.reset();
  }
}

// On a busy machine the extension may hear late of a request, of its cancelling, or of both.
for (const ms of [450, 750, 1000, 2500]) {
  test(`an answer is shown although the editor lost patience after ${ms} ms`, async () => {
    assert.equal(await cancelledAfter(ms), ITEMS);
    assert.deepEqual(stub.executed, ['editor.action.inlineSuggest.trigger']);
  });
}

test('what is cancelled at once is meant to be', async () => {
  assert.equal(await cancelledAfter(100), null);
  assert.deepEqual(stub.executed, []);
});
