// One editor for the tests of a file: opened before them, closed after, a picture where one fails.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before } from 'node:test';
import { Editor } from './editor.mjs';
import { ScriptedEngine } from './engine.mjs';
import { Home, PYTHON } from './folders.mjs';

/**
 * Open an editor on `files` whose engine answers by `script`; the object is filled before a test.
 *
 * `remote: false` has the engine where the user's own lies, and not at an address of the settings.
 * `prepare` gets the home before the editor starts, and gives further options of it.
 */
export function withEditor({ files = {}, script, settings = {}, ready = 'Ready', open, keys = [], remote = true, prepare, ...options }) {
  const running = {};
  before(async () => {
    running.home = new Home();
    for (const [name, text] of Object.entries(files)) {
      running.home.write(name, text);
    }
    running.home.open = open && path.join(running.home.workspace, open);
    running.home.keys(keys);
    const further = (await prepare?.(running.home)) ?? {};
    const runtime = path.join(running.home.run, 'tabwright');
    mkdirSync(runtime, { mode: 0o700, recursive: true });
    const socket = remote ? '' : path.join(runtime, 'engine.sock');
    running.engine = await ScriptedEngine.start(running.home, script, socket);
    running.home.allow(running.engine.url);
    running.editor = await Editor.open(running.home, {
      settings: {
        'tabwright.server.command': [PYTHON, '-P', '-m', 'tabwright'],
        'tabwright.remote.url': remote ? running.engine.url : '',
        'tabwright.completion.debounceMs': 0,
        // A prompt is to hold one file, so that a rule of the script can tell it.
        'tabwright.context.openFiles': false,
        ...settings,
      },
      ...options,
      ...further,
    });
    await running.editor.statusIs(ready);
  });
  afterEach(async (context) => {
    const name = context.name.replace(/[^\p{L}\p{N}]+/gu, '-').toLowerCase();
    await running.editor?.picture(name);
    await running.editor?.command('Notifications: Clear All Notifications');
  });
  after(async () => {
    await running.editor?.close();
    running.engine?.stop();
  });
  return running;
}
