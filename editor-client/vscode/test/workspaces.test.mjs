// Several roots, a notebook, and a workspace that is not trusted.

import assert from 'node:assert/strict';
import { chmodSync, existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { until } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

const WHOLE = 'def add(a, b):\n    return a + b\n';
const START = 'def add(a, b):\n    \n';
const cell = (source) => ({ cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source });
const NOTEBOOK = JSON.stringify({
  cells: [cell('import math'), cell(START)],
  metadata: { language_info: { name: 'python' } },
  nbformat: 4,
  nbformat_minor: 5,
});
const HOSTILE = JSON.stringify({
  'tabwright.server.command': ['/no/such/program'],
  'tabwright.remote.url': 'http://127.0.0.1:9',
  'tabwright.model': 'another',
});

const running = withEditor({
  files: {
    'one/first.py': START,
    'one/wrong.ts': 'const count: number = "3";\n',
    'two/second.py': START,
    'one/cells.ipynb': NOTEBOOK,
    'one/.vscode/settings.json': HOSTILE,
    'all.code-workspace': JSON.stringify({ folders: [{ path: 'one' }, { path: 'two' }], settings: JSON.parse(HOSTILE) }),
  },
  script: { rules: [{ match: 'add', document: WHOLE }, { match: 'not assignable', text: 'const count: number = 3;\n```' }] },
  open: 'all.code-workspace',
  trust: false,
});

test('one server serves all roots', async () => {
  const { editor } = running;
  for (const name of ['first.py', 'second.py']) {
    await editor.file(name);
    await editor.goTo(2, 5);
    await editor.type('ret');
    await editor.ghostHas('urn a + b');
    await editor.press('Escape');
  }
  assert.equal(editor.servers().length, 1);
});

test('a workspace chooses no program, no address and no model', async () => {
  const { editor } = running;
  // It runs at all, completes by the user's engine, and names the user's model.
  await editor.statusIs('Ready');
  await editor.item().hover();
  const tooltip = editor.page.locator('.monaco-hover').filter({ hasText: 'Model' }).first();
  await tooltip.waitFor();
  assert.match(await tooltip.innerText(), /Model: qwen2\.5-coder-0\.5b/);
  await editor.page.mouse.move(600, 400);
});

test('the server hears at once that the workspace is trusted, and runs its tools from then on', async () => {
  const { editor, home } = running;
  const ran = path.join(home.path, 'ran');
  chmodSync(home.write('one/node_modules/.bin/tsc', `#!/bin/sh\ntouch ${ran}\n`), 0o755);
  await editor.command('Workspaces: Manage Workspace Trust');
  await editor.page.locator('.workspace-trust-buttons-row .monaco-button', { hasText: /^Trust/ }).first().click();
  await until('the workspace is trusted', async () => (await editor.page.getByText('Restricted Mode').count()) === 0);
  await fix(editor, 'wrong.ts');
  assert.equal(existsSync(ran), true);
  // What it may still not choose: the server runs, by the user's settings.
  await editor.statusIs('Ready');
});

async function fix(editor, name) {
  await editor.file(name);
  await until('the diagnostic is there', async () => (await editor.page.locator('.squiggly-error').count()) > 0, 60_000);
  await editor.goTo(1, 8);
  await editor.press('Control+.');
  await editor.page.locator('.action-widget .monaco-list-row', { hasText: 'Fix: Type' }).first().click();
  await until('the line is mended', async () => (await editor.text()).startsWith('const count: number = 3;'));
}

test('a cell of a notebook is completed', async () => {
  const { editor } = running;
  await editor.press('Control+p');
  await editor.page.keyboard.type('cells.ipynb');
  await editor.picks().filter({ hasText: 'cells.ipynb' }).first().waitFor();
  await editor.press('Enter');
  const last = editor.page.locator('.notebook-editor .cell .monaco-editor, .notebookOverlay .code .monaco-editor').last();
  await last.click();
  await editor.press('Control+End');
  await until('the cursor is in the cell', async () => (await editor.page.locator('.notebookOverlay .monaco-editor.focused').count()) > 0);
  await editor.press('ArrowUp', 'End');
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.picture('notebook');
  await editor.press('Tab');
});
