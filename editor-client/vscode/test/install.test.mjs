// Installing the server where it cannot be: each time a message that says what to do, nothing left.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import { Editor } from './editor.mjs';
import { Home, PYTHON } from './folders.mjs';
import { pause, until } from './waiting.mjs';

const TEXT = 'def add(a, b):\n    return a + b\n';
let editor;

afterEach(async (context) => {
  await editor?.picture(context.name.replace(/[^\w]+/g, '-').toLowerCase());
  await editor?.close();
  editor = undefined;
});

async function open() {
  const home = new Home();
  home.write('add.py', TEXT);
  home.offline();
  editor = await Editor.open(home);
  return editor;
}

function leftovers() {
  const storage = path.join(editor.home.path, 'u', 'User', 'globalStorage', 'tabwright.tabwright');
  return existsSync(storage) ? readdirSync(storage).filter((name) => /environment|partial/.test(name)) : [];
}

test('without a network', async () => {
  await open();
  await editor.choose(await editor.notification('needs its server'), 'Install');
  const message = await editor.notification('the packages could not be downloaded', 90_000);
  assert.match(await message.innerText(), /Check the network or the proxy/);
  assert.deepEqual(leftovers(), []);
  assert.equal(readFileSync(path.join(editor.home.workspace, 'add.py'), 'utf8'), TEXT);
  await editor.statusIs('The server is not installed');
});

test('cancelled', async () => {
  await open();
  await editor.choose(await editor.notification('needs its server'), 'Install');
  const progress = await editor.notification('installing the server');
  await pause(1500);
  assert.notDeepEqual(leftovers(), []);
  await editor.choose(progress, 'Cancel');
  await editor.notification('the installation was cancelled; nothing of it is left');
  await until('nothing is left', () => leftovers().length === 0);
  await editor.statusIs('The server is not installed');
});

const skip = canMount() ? false : 'a disk that fills up is mounted, which needs the rights of root';
test('with a disk that fills up in the middle', { skip }, async () => {
  const home = new Home();
  const storage = home.folder('u', 'User', 'globalStorage', 'tabwright.tabwright');
  home.write('add.py', TEXT);
  home.offline();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8g', 'tmpfs', storage]);
  try {
    editor = await Editor.open(home);
    await editor.choose(await editor.notification('needs its server'), 'Install');
    await editor.notification('installing the server');
    await until('the disk is hardly larger than what is on it', () => ['1m', '4m', '8m'].some((size) => shrink(storage, size)));
    const message = await editor.notification('the disk is full', 90_000);
    assert.match(await message.innerText(), /the disk is full \(0\.0 GB free\)\. Free about [\d.]+ GB and try again; nothing half done was left/);
    await pause(1000); // the bar of the progress goes
    await editor.picture('disk-full');
    assert.deepEqual(leftovers(), []);
    assert.equal(readFileSync(path.join(home.workspace, 'add.py'), 'utf8'), TEXT);
    await editor.statusIs('The server is not installed');
  } finally {
    execFileSync('umount', ['--lazy', storage]);
  }
});

test('with a Python that is too old', async () => {
  const home = new Home();
  const programs = home.folder('old');
  // Every name under which an interpreter is looked for answers that it is old.
  const names = ['python', 'python3', ...[11, 12, 13, 14].map((minor) => `python3.${minor}`)];
  for (const name of names) {
    const file = path.join(programs, name);
    writeFileSync(file, `#!/bin/sh\necho '[[3, 9, 2], "${file}", true, true]'\n`);
    chmodSync(file, 0o755);
  }
  home.write('add.py', TEXT);
  // VSCODE_CLI: VS Code takes the PATH as it is, and does not ask a login shell for another.
  editor = await Editor.open(home, { environment: { PATH: programs, VSCODE_CLI: '1' } });
  await editor.choose(await editor.notification('needs its server'), 'Install');
  const message = await editor.notification('What was found is too old: Python 3.9.2');
  const said = await message.innerText();
  for (const part of ['needs Python 3.11 or newer', 'Install a newer one', 'Try Again', 'Choose Python…']) {
    assert.ok(said.includes(part), said);
  }
  assert.deepEqual(leftovers(), []);
});

test('with a server that another version of the extension installed', async () => {
  const home = new Home();
  home.write('add.py', TEXT);
  const bin = home.folder('u', 'User', 'globalStorage', 'tabwright.tabwright', 'environment-0.0.9-aaa', 'bin');
  writeFileSync(path.join(bin, 'python'), `#!/bin/sh\nexec ${PYTHON} "$@"\n`);
  chmodSync(path.join(bin, 'python'), 0o755);
  editor = await Editor.open(home);
  // It runs, and the newer one is offered.
  await editor.notification('brings a newer server');
  await until('the server runs', () => editor.servers().length === 1);
});

function canMount() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tw-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

/** Make a mounted disk smaller; false where it holds more than that. */
function shrink(folder, size) {
  try {
    execFileSync('mount', ['-o', `remount,size=${size}`, folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
