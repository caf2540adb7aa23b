// A hostile checkout (tests/support/hostile_checkout.py): opening it runs nothing and sends nothing.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import { PYTHON, ROOT } from './folders.mjs';
import { makeLinter } from './linter.mjs';
import { pause, until } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

const MODEL = 'qwen2.5-coder-0.5b';
const MESSAGE = 'undefined variable c';
const LINE = 9;
const SETTLE_MS = 2000;
const connections = [];
const listener = net.createServer((socket) => {
  connections.push(socket.remotePort);
  socket.on('error', () => {}).end();
});
let markers;
const running = withEditor({
  script: {
    rules: [
      { match: 'undefined variable', text: '    return a + b\n```\n' },
      { match: '', text: 'add(1, 2)' },
    ],
  },
  remote: false,
  trust: false,
  settings: { 'security.workspace.trust.startupPrompt': 'never' },
  environment: { AWS_SECRET_ACCESS_KEY: 'the-key-of-the-user' },
  prepare: async (home) => {
    await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
    markers = path.join(home.path, 'markers');
    mkdirSync(markers);
    const script = path.join(ROOT, 'tests', 'support', 'hostile_checkout.py');
    execFileSync(PYTHON, [script, home.workspace, markers, String(listener.address().port)]);
    const linter = makeLinter(path.join(home.path, 'linter'), { text: 'c\n', message: MESSAGE, source: 'pylint' });
    return { others: [linter] };
  },
});
after(() => listener.close());

const ran = () => readdirSync(markers).sort();

/** Take the quick fix of the linter's diagnostic. */
async function fix(editor) {
  await until('the diagnostic is there', async () => (await editor.page.locator('.squiggly-error').count()) > 0, 60_000);
  await editor.goTo(LINE, 16);
  await editor.press('Control+.');
  await editor.page.locator('.action-widget .monaco-list-row', { hasText: `Fix: ${MESSAGE}` }).first().click();
  await until('the line is mended', async () => (await editor.text()).includes('    return a + b\n'));
  await pause(SETTLE_MS);
}

test('opening it, typing, completing and mending runs and sends nothing', async () => {
  const { editor, engine } = running;
  await editor.file('code.py');
  await editor.press('Control+End');
  await editor.type('total = ');
  await editor.ghostHas('add(1, 2)');
  await editor.press('Escape');
  await editor.press('Shift+Home', 'Delete');
  await fix(editor);
  assert.deepEqual(ran(), []);
  assert.deepEqual(connections, []);
  const models = new Set((await engine.recorded()).map((each) => each.body.model));
  assert.deepEqual([...models], [MODEL]);
});

test('its tools run once the user trusts it, and it still chooses no program and no address', async () => {
  const { editor } = running;
  const [server] = editor.servers();
  await editor.trustWorkspace();
  await editor.file('code.py');
  await editor.goTo(LINE, 16);
  await editor.press('Shift+End');
  await editor.type('c');
  await fix(editor);
  assert.ok(ran().includes('.venv-bin-pylint'), `ran: ${ran()}`);
  assert.deepEqual(ran().filter((name) => !name.startsWith('.venv-bin-')), []);
  assert.deepEqual(connections, []);
  assert.deepEqual(editor.servers(), [server]);
});
