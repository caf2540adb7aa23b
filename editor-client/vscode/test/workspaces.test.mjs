// Several roots, a notebook, and a workspace that is not trusted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, until } from './waiting.mjs';
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
  'tabwright.privacy.deny': ['denied.py', '!first.py'],
});

const running = withEditor({
  files: {
    'one/first.py': START,
    'two/second.py': START,
    'one/denied.py': START,
    'one/cells.ipynb': NOTEBOOK,
    'one/.vscode/settings.json': HOSTILE,
    'all.code-workspace': JSON.stringify({ folders: [{ path: 'one' }, { path: 'two' }], settings: JSON.parse(HOSTILE) }),
  },
  script: { rules: [{ match: 'add', document: WHOLE }] },
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

test('a workspace that is not trusted may keep more files from the model', async () => {
  const { editor } = running;
  await editor.file('denied.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await pause(1500);
  assert.equal(await editor.ghost(), '');
});

test('trusting a workspace is heard at once, by the same server', async () => {
  const { editor } = running;
  const [server] = editor.servers();
  await editor.trustWorkspace();
  // It still chooses no address: the user's engine answers.
  await editor.file('first.py');
  await editor.goTo(2, 5);
  await editor.press('Shift+End');
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.press('Escape');
  assert.deepEqual(editor.servers(), [server]);
});

test('a cell of a notebook is completed', async () => {
  const { editor } = running;
  await editor.quickly('Control+p', 'cells.ipynb');
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
