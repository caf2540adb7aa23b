// Quick fixes, edits with a preview, new documents and explanations, as somebody who clicks sees them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineOpens } from './editor.mjs';
import { pause, until } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

// The prompt has opened the fence that an answer closes.
const code = (text) => `${text}\n\`\`\``;
const TOTAL = 'def total(values):\n    return sum(values)\n';
const STRICT = 'def total(values):\n    if not values:\n        raise ValueError("no values")\n    return sum(values)\n';
const ZERO = 'def total(values):\n    if not values:\n        return 0\n    return sum(values)\n';
const running = withEditor({
  files: { 'total.py': TOTAL, 'count.ts': 'const count: number = "3";\nconsole.log(count);\n', 'why.py': TOTAL, 'larger.py': '# a function larger that returns the larger of two numbers\n' },
  script: {
    rules: [
      { match: 'return zero instead', text: code(ZERO) },
      { match: 'refuse an empty list', text: code(STRICT) },
      { match: 'larger of two numbers', text: code('def larger(a, b):\n    return a if a > b else b') },
      { match: 'not assignable', text: code('const count: number = 3;') },
      { match: 'to JavaScript', text: code('function total(values) {\n  return values.reduce((a, b) => a + b, 0);\n}') },
      { match: 'xplain', text: 'It adds up **all** the values.' },
    ],
  },
});

test('the quick fix of a diagnostic is offered and mends the line', async () => {
  const { editor } = running;
  await editor.file('count.ts');
  await until('the diagnostic is there', async () => (await editor.page.locator('.squiggly-error').count()) > 0, 60_000);
  await editor.goTo(1, 8);
  await editor.press('Control+.');
  const row = editor.page.locator('.action-widget .monaco-list-row', { hasText: 'Fix: Type' });
  await row.first().waitFor();
  await editor.picture('quick-fix-menu');
  await row.first().click();
  await until('the line is mended', async () => (await editor.text()).startsWith('const count: number = 3;\n'));
});

test('a function is generated from a comment', async () => {
  const { editor } = running;
  await editor.file('larger.py');
  await editor.goTo(1, 5);
  await editor.press('Control+.');
  await editor.page.locator('.action-widget .monaco-list-row', { hasText: 'Generate' }).first().click();
  await until('it is generated', async () => (await editor.text()).includes('    return a if a > b else b\n'));
});

test('an edit is shown as a difference, refined and applied', async () => {
  const { editor } = running;
  await editor.file('total.py');
  await editor.goTo(2, 1);
  await editor.command('Tabwright: Edit with Instruction…');
  await instruct(editor, 'refuse an empty list');
  await preview(editor, 'raise ValueError');
  await editor.picture('edit-preview');
  assert.equal(await onDisk(editor, 'total.py'), TOTAL);
  await editor.choose(await editor.notification('Apply this edit?'), 'Refine…');
  await instruct(editor, 'return zero instead');
  await preview(editor, 'return 0');
  await editor.choose(await editor.notification('Apply this edit?'), 'Apply');
  await until('the preview is closed', async () => !(await inDiff(editor)));
  await until('the edit is applied', async () => (await editor.text()) === ZERO);
});

test('a discarded edit leaves the document as it is', async () => {
  const { editor } = running;
  await editor.file('total.py');
  await editor.goTo(2, 1);
  await editor.press('Shift+Alt+e');
  await instruct(editor, 'refuse an empty list');
  await preview(editor, 'raise ValueError');
  const question = await editor.notification('Apply this edit?');
  await editor.page.locator('.editor-actions a[aria-label^="Discard the Edit"]').click();
  await until('the preview is closed', async () => !(await inDiff(editor)));
  await editor.choose(question, 'Apply');
  await editor.notification('has been decided already');
  assert.equal(await editor.text(), ZERO);
});

test('an edit of a document that has changed since is refused', async () => {
  const { editor } = running;
  await editor.file('total.py');
  await editor.goTo(2, 1);
  await editor.press('Shift+Alt+e');
  await instruct(editor, 'refuse an empty list');
  await preview(editor, 'raise ValueError');
  await editor.file('total.py');
  await editor.press('Control+Home');
  await editor.type('# ');
  await editor.choose(await editor.notification('Apply this edit?'), 'Apply');
  await editor.notification('the document has changed since');
  await editor.command('Tabwright: Discard the Edit');
  await until('the preview is closed', async () => !(await inDiff(editor)));
  assert.equal(await editor.text(), `# ${ZERO}`);
  await editor.press('Control+z');
});

test('a translation is a new document beside its source', async () => {
  const { editor } = running;
  await editor.file('why.py');
  await editor.press('Shift+Alt+t');
  await editor.pick('JavaScript');
  await editor.page.waitForSelector('.tab.active[data-resource-name="why.js"]');
  assert.match(await editor.text(), /^function total\(values\) \{/);
});

test('an explanation is a page beside the code', async () => {
  const { editor } = running;
  await editor.file('why.py');
  await editor.press('Shift+Alt+x');
  await until('the page is shown', async () => (await inPages(editor)).some((text) => text.includes('It adds up all the values.')));
  await editor.picture('explanation');
  // Back to the code: keys typed into the page of a preview reach VS Code late.
  await editor.page.locator('.editor-instance .monaco-editor .view-lines').first().click();
});

test('why no suggestion: the reason is told', async () => {
  const { editor } = running;
  await editor.file('why.py');
  await editor.goTo(1, 1);
  await editor.command('Trigger Inline Suggestion');
  await pause(1500);
  await editor.command('Tabwright: Why No Suggestion?');
  await editor.notification(/Tabwright: .*(nothing|no |empty|model)/);
});

async function instruct(editor, words) {
  await lineOpens(editor.page);
  await pause(200);
  await editor.page.keyboard.type(words);
  await editor.press('Enter');
}

/** Wait until the difference that is shown adds a text. */
async function preview(editor, text) {
  const lines = editor.page.locator('.monaco-diff-editor .editor.modified .view-line');
  await until(`the preview has ${text}`, async () => (await lines.allInnerTexts()).join('\n').replaceAll('\u00a0', ' ').includes(text));
}

async function inDiff(editor) {
  return (await editor.page.locator('.monaco-diff-editor:visible').count()) > 0;
}

async function onDisk(editor, name) {
  return editor.saved(name, (text) => text.length > 0);
}

async function inPages(editor) {
  const texts = [];
  for (const frame of editor.page.frames()) {
    texts.push(await frame.locator('body').innerText({ timeout: 500 }).catch(() => ''));
  }
  return texts;
}
