// Our key bindings are free in VS Code's own defaults, on each system.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Editor, load, quickly } from './editor.mjs';
import { EXTENSION, Home, PYTHON } from './folders.mjs';
import { pause } from './waiting.mjs';

const ours = JSON.parse(readFileSync(path.join(EXTENSION, 'package.json'), 'utf8')).contributes.keybindings;
const SYSTEMS = {
  linux: ['Mozilla/5.0 (X11; Linux x86_64) Chrome/140', 'Linux x86_64'],
  windows: ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140', 'Win32'],
  mac: ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/140', 'MacIntel'],
};
let editor;
/** A page of each system, whose names VS Code takes from the browser. */
const pages = {};

before(async () => {
  const home = new Home();
  home.write('empty.txt', '');
  editor = await Editor.open(home, { settings: { 'tabwright.server.command': [PYTHON, '-P', '-m', 'tabwright'] } });
  await Promise.all(Object.keys(SYSTEMS).map(async (system) => (pages[system] = await open(...SYSTEMS[system]))));
});
after(() => editor?.close());

for (const system of Object.keys(SYSTEMS)) {
  test(`on ${system} no default begins with a key of ours`, async () => {
    const defaults = await defaultKeys(pages[system], system === 'mac' ? 'Meta' : 'Control');
    assert.ok(defaults.size > 200, `${defaults.size} keys were read`);
    const taken = ours.map((each) => (system === 'mac' ? each.mac : each.key)).filter((key) => defaults.has(key));
    assert.deepEqual(taken, []);
  });
}

async function open(userAgent, platform) {
  const address = `http://127.0.0.1:${editor.port}`;
  const context = await editor.browser.newContext({ userAgent, viewport: { width: 1200, height: 800 } });
  await context.addInitScript(`Object.defineProperty(navigator, 'platform', { get: () => '${platform}' })`);
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: address });
  const page = await context.newPage();
  await load(page, address);
  return page;
}

/** The first keys of all default bindings, from the document that VS Code shows of them. */
async function defaultKeys(page, modifier) {
  await page.bringToFront();
  await quickly(page, 'F1', 'Preferences: Open Default Keyboard Shortcuts (JSON)');
  await page.waitForSelector('.view-line:has-text("command")');
  await page.keyboard.press(`${modifier}+a`);
  await page.keyboard.press('Control+Insert');
  await pause(500);
  const text = await page.evaluate(() => navigator.clipboard.readText());
  // The document lists the extensions' own bindings too.
  const foreign = text.split('\n').join(' ').matchAll(/\{ "key": "([^"]+)",\s*"command": "([^"]+)"/g);
  return new Set([...foreign].filter((found) => !found[2].startsWith('tabwright.')).map((found) => found[1].split(' ')[0]));
}
