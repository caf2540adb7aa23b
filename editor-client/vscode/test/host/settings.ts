// Settings count at once, and the server that hears of them stays the same process.

import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { nothingComes, ready, shown, take, type, until, type Tests } from './window';

const START = 'def add(a, b):\n    \n';
const WHOLE = 'def add(a, b):\n    return a + b\n';

/** Do something while a setting of the user's has another value. */
async function having(key: string, value: unknown, work: () => Promise<void>): Promise<void> {
  const section = vscode.workspace.getConfiguration('tabwright');
  const before = section.inspect(key)?.globalValue;
  await section.update(key, value, vscode.ConfigurationTarget.Global);
  try {
    await work();
  } finally {
    await vscode.workspace.getConfiguration('tabwright').update(key, before, vscode.ConfigurationTarget.Global);
  }
}

async function isCompleted(): Promise<void> {
  const { document } = await shown(START, START.length - 1);
  await type('ret');
  await take(document, WHOLE);
}

export const tests: Tests = {
  'a language is switched off and on again without a restart': async () => {
    const { pid } = await ready();
    await having('languages', { '*': true, python: false }, async () => {
      const { document } = await shown(START, START.length - 1);
      await type('ret');
      await nothingComes(document);
    });
    await isCompleted();
    assert.equal((await ready()).pid, pid);
  },

  'all is switched off and on again without a restart': async () => {
    const { pid } = await ready();
    await vscode.commands.executeCommand('tabwright.toggle');
    const { document } = await shown(START, START.length - 1);
    await type('ret');
    await nothingComes(document);
    await vscode.commands.executeCommand('tabwright.toggle');
    await isCompleted();
    assert.equal((await ready()).pid, pid);
  },

  'what is read at the start alone restarts the server': async () => {
    const { pid } = await ready();
    await having('completion.menu', 'always', async () => {
      await until('another server is ready', async () => (await ready()).pid !== pid);
      const { document } = await shown(START, START.length - 1);
      await until('the menu has it', async () => {
        const command = 'vscode.executeCompletionItemProvider';
        const place = document.positionAt(START.length - 1);
        const list = await vscode.commands.executeCommand<vscode.CompletionList>(command, document.uri, place);
        return list.items.some((item) => textOf(item).includes('return a + b'));
      });
    });
    await until('it is as before', async () => (await ready()) !== null);
  },
};

function textOf(item: vscode.CompletionItem): string {
  const { insertText, label } = item;
  return typeof insertText === 'string' ? insertText : (insertText?.value ?? (typeof label === 'string' ? label : label.label));
}
