// The server's life as the window shows it: its status, its menu, its death, and bad settings.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, until } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

const ADD = 'def add(a, b):\n    \n\n\nprint(add(1, 2))\n';
const WHOLE = 'def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n';
const named = (name, text) => text.replaceAll('add', name);
const running = withEditor({
  files: { 'add.py': ADD, 'again.py': named('plus', ADD), 'away.py': named('away', ADD), 'start.py': named('start', ADD) },
  script: {
    rules: [
      { match: 'add', document: WHOLE, delay_ms: 20 },
      { match: 'plus', text: 'rubbish', first_delay_ms: 20_000, times: 1 },
      ...['plus', 'away', 'start'].map((name) => ({ match: name, document: named(name, WHOLE) })),
    ],
  },
});

/** Wait until another server runs in the place of one. */
function replaced(pid) {
  const other = () => running.editor.servers().length > 0 && !running.editor.servers().includes(pid);
  return until('another server runs', other);
}

test('the status bar item tells the model and the last latency; a click opens the menu', async () => {
  const { editor } = running;
  await editor.file('add.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.press('Escape');
  await pause(800);
  await editor.item().hover();
  const tooltip = editor.page.locator('.hover-contents, .monaco-hover').filter({ hasText: 'Last answer' });
  await tooltip.first().waitFor();
  assert.match(await tooltip.first().innerText(), /Model: qwen2\.5-coder-0\.5b[\s\S]*Last answer: \d+ ms/);
  await editor.picture('status-tooltip');
  await editor.menu();
  await editor.picture('status-menu');
  await editor.page.mouse.move(600, 400);
  const labels = await editor.picks().allInnerTexts();
  for (const label of ['Edit with Instruction…', 'Snooze…', 'Choose Model…', 'Show Log', 'Turn Off for python']) {
    assert.ok(labels.some((each) => each.includes(label)), `${label} in ${labels}`);
  }
  await editor.press('Escape');
});

test('a server that is killed in mid-request comes back, and what was asked is answered', async () => {
  const { editor, engine } = running;
  const [first] = editor.servers();
  await editor.file('again.py');
  await editor.goTo(2, 5);
  await editor.type('r');
  await until('the engine is asked', async () => (await engine.recorded()).some(({ body }) => body.prompt.includes('plus')));
  process.kill(first, 'SIGKILL');
  await replaced(first);
  await editor.statusIs('Ready');
  await editor.ghostHas('eturn a + b');
  await editor.type('et');
  await editor.ghostHas('urn a + b');
  await editor.press('Escape');
  assert.equal(await editor.text(), named('plus', ADD).replace('    \n', '    ret\n'));
});

test('what is typed while the server is away is completed once it is back', async () => {
  const { editor } = running;
  await editor.file('away.py');
  await editor.goTo(2, 5);
  process.kill(editor.servers()[0], 'SIGKILL');
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.press('Escape');
});

test('a server that is killed while it starts comes back without a word', async () => {
  const { editor } = running;
  for (const wait of [0, 0, 300]) {
    const [pid] = editor.servers();
    await pause(wait);
    process.kill(pid, 'SIGKILL');
    await replaced(pid);
  }
  await editor.file('start.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.press('Escape');
  assert.deepEqual(await editor.page.locator('.notification-toast').allInnerTexts(), []);
});

test('a server that dies again and again is given up with a message, and Restart brings it back', async () => {
  const { editor } = running;
  const [before] = editor.servers();
  await editor.command('Tabwright: Restart the Server'); // deaths are counted anew
  await replaced(before);
  const givenUp = async () => (await editor.label()).includes('again and again');
  await editor.statusIs('Ready');
  let deaths = 0;
  for (; deaths < 8 && !(await givenUp()); deaths += 1) {
    const [pid] = editor.servers();
    process.kill(pid, 'SIGKILL');
    await until('it is restarted or given up', async () => editor.servers().some((now) => now !== pid) || (await givenUp()));
  }
  assert.equal(deaths, 6);
  const message = await editor.notification('ended again and again');
  await editor.picture('given-up');
  await editor.choose(message, 'Restart');
  await editor.statusIs('Ready');
});

test('a bad setting is named in a message, and its default is used', async () => {
  const { editor, home } = running;
  home.settings({ ...editor.settings, 'tabwright.completion.maxTokens': 'many' });
  await editor.notification('tabwright.completion.maxTokens: expected a whole number');
  await editor.statusIs('Ready');
  home.settings(editor.settings);
});

test('a command that is not there is named, and its correction starts the server', async () => {
  const { editor, home } = running;
  home.settings({ ...editor.settings, 'tabwright.server.command': ['/no/such/tabwright'] });
  await editor.notification('names a program that is not there: /no/such/tabwright');
  await editor.statusIs('not there');
  await editor.picture('no-such-command');
  home.settings(editor.settings);
  await editor.statusIs('Ready');
});

test('a program that is no server is given up with a message', async () => {
  const { editor, home } = running;
  home.settings({ ...editor.settings, 'tabwright.server.command': ['/bin/false'] });
  await editor.notification(/could not be started|ended again and again/);
  await editor.picture('no-server');
  home.settings(editor.settings);
  await editor.statusIs('Ready');
});
