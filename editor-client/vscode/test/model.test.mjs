// With the real 0.5B model: ghost text, an edit, and two windows that share one engine.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Editor, lineOpens, load } from './editor.mjs';
import { Home, PYTHON, REQUIRED } from './folders.mjs';
import { modelsFolder } from './models_folder.mjs';
import { pause, until } from './waiting.mjs';

const PULL = 'run: tabwright models pull';
const models = modelsFolder();
const skip = models === '' && !REQUIRED ? `the 0.5B model is not here; ${PULL}` : false;
const SUM = 'def add(a, b):\n    \n\n\nprint(add(1, 2))\n';
const TOTAL = 'def total(values):\n    result = 0\n    for value in values:\n        result += value\n    return result\n';
let editor;

before(async () => {
  if (!skip) {
    assert.notEqual(models, '', `the 0.5B model must be here; ${PULL}`);
    const home = new Home();
    home.write('add.py', SUM);
    home.write('second.py', SUM.replaceAll('add', 'multiply'));
    home.write('total.py', TOTAL);
    editor = await Editor.open(home, {
      environment: { TABWRIGHT_MODELS_DIR: models },
      settings: {
        'tabwright.server.command': [PYTHON, '-P', '-m', 'tabwright'],
        // The one that is pulled by default, also where a larger one is here.
        'tabwright.actions.model': 'qwen2.5-coder-0.5b',
      },
    });
    await editor.statusIs('Ready', 180_000);
  }
});
after(() => editor?.close());

test('the real model completes a function', { skip, timeout: 120_000 }, async () => {
  await editor.file('add.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('a + b', 60_000);
  await editor.picture('model-ghost-text');
  await editor.press('Tab');
  await until('it is accepted', async () => (await editor.text()).includes('    return a + b\n'));
});

test('the real model edits by instruction, and the edit is previewed', { skip, timeout: 180_000 }, async () => {
  await editor.file('total.py');
  await editor.goTo(1, 5);
  await editor.press('Shift+Alt+e');
  await lineOpens(editor.page);
  await pause(200);
  await editor.page.keyboard.type('use sum');
  await editor.press('Enter');
  await until('a difference is shown', async () => (await editor.page.locator('.monaco-diff-editor:visible .char-insert, .monaco-diff-editor:visible .line-insert').count()) > 0, 150_000);
  await editor.picture('model-edit');
  await editor.command('Tabwright: Discard the Edit');
  await until('the preview is closed', async () => (await editor.page.locator('.monaco-diff-editor:visible').count()) === 0);
  assert.equal(await editor.text(), TOTAL);
});

test('two windows have a server each and share one engine', { skip, timeout: 240_000 }, async (context) => {
  const first = editor.page;
  editor.page = await editor.context.newPage();
  await load(editor.page, first.url());
  await editor.statusIs('Ready', 120_000);
  await editor.file('second.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('a * b', 90_000);
  await editor.picture('model-second-window');
  assert.equal(editor.servers().length, 2);
  const engines = editor.processes(/tabwright engine/);
  assert.equal(engines.length, 1);
  for (const pid of editor.servers()) {
    context.diagnostic(`server ${pid}: ${megabytes(pid)} MB`);
  }
  context.diagnostic(`engine ${engines[0]}: ${megabytes(engines[0])} MB`);
  await editor.page.close();
  editor.page = first;
  await until('one server is left', () => editor.servers().length === 1, 60_000);
});

function megabytes(pid) {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
