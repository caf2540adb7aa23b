// Ghost text as somebody who types sees it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause, until } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

const ADD = 'def add(a, b):\n    \n\n\nprint(add(1, 2))\n';
const WHOLE = 'def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n';
const SUM = 'function sum(a, b) {\n  return a + b;\n}\n';
const LINES = 'def lines(a, b):\n    total = a + b\n    return total\n';
// The first answers what is typed, the others the wish for several.
const MANY = ['first(a)', 'first(a)', 'second(b)', 'third(c)'];
const SLOW = 'def slow(a, b):\n    return a * b\n';
const running = withEditor({
  files: { 'add.py': ADD, 'other.py': ADD, 'word.py': ADD, 'lines.py': 'def lines(a, b):\n', 'many.py': '# many\nvalue =\n', 'slow.py': 'def slow(a, b):\n    \n', 'sum.js': 'function sum(a, b) {\n  \n}\n' },
  keys: [{ key: 'ctrl+alt+l', command: 'editor.action.inlineSuggest.acceptNextLine', when: 'inlineSuggestionVisible' }],
  script: { rules: [...MANY.map((text) => ({ match: '# many\nvalue =', text: ` ${text}`, times: 1 })), { match: 'lines', document: LINES }, { match: 'add', document: WHOLE }, { match: 'slow', document: SLOW, first_delay_ms: 2000 }, { match: 'sum', document: SUM }] },
});

test('ghost text appears while typing and Tab accepts it', async () => {
  const { editor } = running;
  await editor.file('add.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.picture('ghost-text');
  await editor.press('Tab');
  await until('the suggestion is accepted', async () => (await editor.text()) === WHOLE);
});

test('Escape hides it and leaves the text as it is', async () => {
  const { editor } = running;
  await editor.file('other.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.press('Escape');
  await until('no ghost text', async () => (await editor.ghost()) === '');
  assert.equal(await editor.text(), ADD.replace('    \n', '    ret\n'));
});

test('Ctrl+Right takes a word, and Backspace brings the suggestion back', async () => {
  const { editor } = running;
  await editor.file('word.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('urn a + b');
  await editor.press('Control+ArrowRight');
  await until('a word is taken', async () => (await editor.ghost()).trim() === 'a + b');
  await editor.press('Backspace');
  await editor.ghostHas('n a + b');
  await editor.press('Escape');
  assert.equal(await editor.text(), ADD.replace('    \n', '    retur\n'));
});

test('a line is taken alone, and then the next', async () => {
  const { editor } = running;
  await editor.file('lines.py');
  await editor.goTo(1, 17);
  await editor.press('Enter');
  await editor.ghostHas('return total');
  await editor.press('Control+Alt+l');
  await until('a line is taken', async () => (await editor.ghost()).trim() === 'return total');
  await editor.picture('line-taken');
  // Not Tab, which indents before a suggestion that is indented.
  await editor.press('Control+Alt+l');
  await until('all is taken', async () => (await editor.text()).startsWith(LINES));
});

test('Alt+] and Alt+[ go through several suggestions', async () => {
  const { editor } = running;
  const shows = (text) => until(`${text} is shown`, async () => (await editor.ghost()).trim() === text);
  await editor.file('many.py');
  await editor.goTo(2, 8);
  await editor.type(' ');
  await shows('first(a)');
  await editor.press('Alt+]');
  await shows('second(b)');
  await editor.press('Alt+]');
  await shows('third(c)');
  await editor.press('Alt+[');
  await shows('second(b)');
  await editor.press('Tab');
  await until('it is taken', async () => (await editor.text()) === '# many\nvalue = second(b)\n');
});

test('a suggestion that takes longer than the editor waits is shown all the same', async () => {
  const { editor } = running;
  await editor.file('slow.py');
  await editor.goTo(2, 5);
  await editor.type('ret');
  await editor.ghostHas('urn a * b', 10_000);
  await editor.press('Escape');
  await editor.type('ain');
  await pause(3500);
  assert.equal(await editor.ghost(), '');
});

test('snoozed, nothing comes by itself; by hand it does; then it ends', async () => {
  const { editor } = running;
  await editor.command('Tabwright: Snooze');
  await editor.pick('5 minutes');
  await editor.statusIs('Snoozed until');
  await editor.file('sum.js');
  await editor.goTo(2, 3);
  await editor.type('ret');
  await pause(1500);
  assert.equal(await editor.ghost(), '');
  await editor.command('Trigger Inline Suggestion');
  await editor.ghostHas('urn a + b;');
  await editor.press('Escape');
  await editor.command('Tabwright: End Snooze');
  await editor.statusIs('Ready');
});

test('a language that is off gets nothing, at once and without a restart', async () => {
  const { editor } = running;
  const [server] = editor.servers();
  await editor.file('sum.js');
  await editor.command('Tabwright: Turn On or Off for This Language');
  await editor.statusIs('Off for javascript');
  await editor.goTo(2, 6);
  await editor.type('u');
  await pause(1500);
  assert.equal(await editor.ghost(), '');
  await editor.command('Tabwright: Turn On or Off for This Language');
  await editor.statusIs('Ready');
  await editor.type('r');
  await editor.ghostHas('n a + b;');
  assert.deepEqual(editor.servers(), [server]);
});
