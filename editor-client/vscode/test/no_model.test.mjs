// A machine without the model, and without a network to pull it from.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Editor } from './editor.mjs';
import { Home, PYTHON } from './folders.mjs';
import { pause } from './waiting.mjs';

const NOWHERE = 'http://127.0.0.1:9'; // nothing listens there
const TEXT = 'def add(a, b):\n    \n';
let editor;

before(async () => {
  const home = new Home();
  home.write('add.py', TEXT);
  home.offline();
  editor = await Editor.open(home, {
    environment: { HF_ENDPOINT: NOWHERE },
    settings: { 'tabwright.server.command': [PYTHON, '-P', '-m', 'tabwright'] },
  });
});
after(() => editor?.close());

test('the model is offered, and the status says that it is missing', async () => {
  const offer = await editor.notification('Pull it now?', 60_000);
  assert.match(await offer.innerText(), /491 MB to download, licence Apache-2\.0/);
  await editor.statusIs('is not on this machine');
  await editor.picture('no-model');
  await editor.choose(offer, 'Not now');
});

test('without a network the pull ends with a message, and the document is as it was', async () => {
  await editor.menu();
  await editor.pick('Pull the Model');
  const message = await editor.notification('was not pulled', 120_000);
  await pause(500);
  await editor.picture('no-network');
  assert.ok((await message.innerText()).length > 60);
  assert.equal(readFileSync(path.join(editor.home.workspace, 'add.py'), 'utf8'), TEXT);
  await editor.statusIs('is not on this machine');
});
