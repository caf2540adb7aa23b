// Records a session in a real VS Code with the real 0.5B model: ghost text, a fix, a generated function, an
// edit with its preview. It writes every frame that the browser draws, with its time, for tools/assemble_recording.py:
//   node recording/record.mjs FOLDER

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Editor, lineOpens } from '../test/editor.mjs';
import { Home, PYTHON } from '../test/folders.mjs';
import { makeExtension } from '../test/linter.mjs';
import { modelsFolder } from '../test/models_folder.mjs';
import { pause, until } from '../test/waiting.mjs';

const SIZE = { width: 960, height: 720 };
const FILE = 'orders.py';
const TEXT = `"""Reads a list of orders and tells what was sold."""

import csv
from dataclasses import dataclass


@dataclass
class Order:
    product: str
    quantity: int
    price: float


def read(path: str) -> list[Order]:
    with open(path, newline="") as file:
        return [
            Order(row["product"], int(row["quantity"]), float(row["price"]))
            for row in csv.DictReader(file)
        ]


def total(orders: list[Order]) -> float:
    result = 0.0
    for order in orders:
        result += order.quantity * order.price
    return result


def average(orders: list[Order]) -> float:
    


def products(orders: list[Order]) -> list[str]:
    found = []
    for order in orders:
        found.append(oder.product)
    return sorted(found)
`;
const KEY_MS = 90;

/** An extension that reports what ruff says of the Python file that is shown. */
function reportRuff({ python }) {
  const vscode = require('vscode');
  const { spawn } = require('node:child_process');
  const found = vscode.languages.createDiagnosticCollection('ruff');
  let latest = 0;
  const check = (document) => {
    if (document.languageId !== 'python') {
      return;
    }
    const run = ++latest;
    const ruff = spawn(python, ['-m', 'ruff', 'check', '--isolated', '--output-format', 'json', '--stdin-filename', 'orders.py', '-']);
    let output = '';
    ruff.stdout.on('data', (data) => { output += data; });
    ruff.on('close', () => {
      if (run !== latest) {
        return;
      }
      found.set(document.uri, JSON.parse(output || '[]').map(({ code, message, location, end_location: end }) => {
        const range = new vscode.Range(location.row - 1, location.column - 1, end.row - 1, end.column - 1);
        const diagnostic = new vscode.Diagnostic(range, message);
        return Object.assign(diagnostic, { source: 'Ruff', code });
      }));
    });
    ruff.stdin.end(document.getText());
  };
  vscode.workspace.onDidOpenTextDocument(check);
  vscode.workspace.onDidChangeTextDocument((event) => check(event.document));
  vscode.workspace.textDocuments.forEach(check);
}

/** Every frame that the page draws, as a PNG in `folder`; `stop` writes their times in seconds, and what was said. */
async function screencast(page, folder) {
  const session = await page.context().newCDPSession(page);
  const frames = [];
  session.on('Page.screencastFrame', ({ data, metadata, sessionId }) => {
    const name = `${String(frames.length).padStart(5, '0')}.png`;
    frames.push({ name, seconds: metadata.timestamp });
    writeFileSync(path.join(folder, name), Buffer.from(data, 'base64'));
    // The next frame is drawn after this: ten in a second leave the processor to the model.
    pause(100).then(() => session.send('Page.screencastFrameAck', { sessionId })).catch(() => {}); // the page may be closed
  });
  const [maxWidth, maxHeight] = [SIZE.width, SIZE.height];
  await session.send('Page.startScreencast', { format: 'png', maxWidth, maxHeight, everyNthFrame: 1 });
  const captions = [];
  return {
    say: (text) => captions.push({ text, seconds: Date.now() / 1000 }),
    stop: async () => {
      await session.send('Page.stopScreencast');
      writeFileSync(path.join(folder, 'frames.json'), JSON.stringify({ frames, captions, end: Date.now() / 1000 }));
    },
  };
}

/** Open the menu of actions and take the first whose title begins so, by the keyboard. */
async function choose(editor, label) {
  const row = editor.page.locator('.action-widget .monaco-list-row', { hasText: label }).first();
  await until(`the menu has ${label}`, async () => {
    await editor.press('Control+.');
    return row.waitFor({ timeout: 5000 }).then(() => true);
  }, 60_000);
  await pause(1000);
  while (!(await row.evaluate((element) => element.classList.contains('focused')))) {
    await editor.press('ArrowDown');
    await pause(150);
  }
  await pause(400);
  await editor.press('Enter');
}

/** Wait until the editor's lines have a text. */
function shows(editor, text, where = '.editor-instance .view-line') {
  return until(`${text} is shown`, async () => {
    const lines = await editor.page.locator(where).allInnerTexts();
    return lines.join('\n').replaceAll('\u00a0', ' ').includes(text);
  }, 120_000);
}

/** Put the cursor behind the text of a line, by a click. */
async function click(editor, text) {
  const box = await editor.page.locator('.editor-instance .view-line', { hasText: text }).first().locator('> span').boundingBox();
  await editor.page.mouse.click(box.x + box.width + 12, box.y + box.height / 2);
  await pause(400);
}

async function session(editor, say) {
  say('Type: the suggestion is shown in grey. Tab takes it.');
  await pause(1200);
  await editor.type('ret', KEY_MS);
  await editor.ghostHas('total(orders)');
  await pause(1500);
  await editor.press('Tab');
  await pause(1500);

  say('Ruff reports an error. Ctrl+. offers a fix, which is checked before it is made.');
  await click(editor, 'oder.product');
  await pause(600);
  await choose(editor, 'Fix:');
  await shows(editor, 'found.append(order.product)');
  await pause(2000);

  say('A comment says what is wanted. Ctrl+. generates it, with the import that it needs.');
  await click(editor, 'return sorted');
  await editor.press('Enter', 'Enter', 'Enter', 'Home');
  await editor.type('# a function by_product that counts how many of each product were sold', KEY_MS / 2);
  await pause(600);
  await choose(editor, 'Generate');
  await shows(editor, 'def by_product(');
  await pause(2500);

  say('Shift+Alt+E edits by an instruction. The difference is shown, and nothing is changed until you apply it.');
  await click(editor, 'result += ');
  await editor.press('Shift+Alt+e');
  await lineOpens(editor.page);
  await pause(400);
  await editor.type('use sum', KEY_MS);
  await pause(500);
  await editor.press('Enter');
  await shows(editor, 'return sum(', '.monaco-diff-editor .editor.modified .view-line');
  await pause(3000);
  await editor.press('Shift+Alt+y');
  await until('the preview is closed', async () => (await editor.page.locator('.monaco-diff-editor:visible').count()) === 0);
  await pause(3000);
}

const folder = path.resolve(process.argv[2] ?? 'out/recording');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const models = modelsFolder();
if (models === '') {
  throw new Error('the 0.5B model is not here; run: tabwright models pull');
}
const home = new Home();
home.write(FILE, TEXT);
const ruff = makeExtension(path.join(home.path, 'ruff'), reportRuff, { python: PYTHON });
const editor = await Editor.open(home, {
  environment: { TABWRIGHT_MODELS_DIR: models },
  others: [ruff],
  settings: {
    'tabwright.server.command': [PYTHON, '-P', '-m', 'tabwright'],
    'tabwright.actions.model': 'qwen2.5-coder-0.5b',
    // The list of words would take the Tab that ghost text is to get.
    'editor.quickSuggestions': { other: 'off' },
    'diffEditor.renderSideBySide': false,
    'editor.fontSize': 15,
    'editor.minimap.enabled': false,
    'editor.cursorBlinking': 'solid',
    'workbench.reduceMotion': 'on',
    'editor.stickyScroll.enabled': false,
    'workbench.colorTheme': 'Default Dark Modern',
    'workbench.activityBar.location': 'hidden',
    'window.commandCenter': false,
    'workbench.layoutControl.enabled': false,
  },
});
try {
  await editor.page.setViewportSize(SIZE);
  await editor.page.emulateMedia({ reducedMotion: 'reduce' });
  await editor.statusIs('Ready', 180_000);
  await editor.file(FILE);
  await editor.press('Control+b'); // without the list of files
  await editor.goTo(30, 5);
  // The first request computes the file's start; what is recorded is what a user sees from then on.
  await pause(4000);
  const { say, stop } = await screencast(editor.page, folder);
  try {
    await session(editor, say);
  } finally {
    await stop();
    await editor.picture('recording-end');
  }
} finally {
  await editor.close();
}
