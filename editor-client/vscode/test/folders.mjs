// Where the pieces of a test are: the checkout, the editor, the server, and a home of its own.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const HERE = path.dirname(fileURLToPath(import.meta.url));
export const EXTENSION = path.dirname(HERE);
export const ROOT = path.resolve(EXTENSION, '..', '..');
/** Folder with node_modules of test/package.json; TABWRIGHT_EDITOR names one installed elsewhere. */
export const EDITOR = process.env.TABWRIGHT_EDITOR ?? HERE;
export const PYTHON = process.env.PYTHON ?? path.join(ROOT, '.venv', 'bin', 'python');
export const VSIX = process.env.TABWRIGHT_VSIX ?? path.join(EXTENSION, 'tabwright.vsix');
/** What is compiled for this machine, once for all tests, as the user's own server keeps it. */
const COMPILED =
  process.env.NUMBA_CACHE_DIR ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'tabwright', 'numba');
/** Whether what a test needs must be here: then its lack fails instead of skipping. */
export const REQUIRED = process.env.TABWRIGHT_EDITORS === 'required';
export const PICTURES = process.env.TABWRIGHT_PICTURES ?? path.join(EXTENSION, 'out', 'pictures');

/** A home for one editor: settings, extensions, caches and a workspace; gone after `close`. */
export class Home {
  constructor() {
    // Short, since sockets lie in it and their paths hold about 100 bytes.
    this.path = mkdtempSync(path.join(os.tmpdir(), 'tw-'));
    this.workspace = this.folder('work');
    this.run = this.folder('run');
  }

  folder(...names) {
    const folder = path.join(this.path, ...names);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  write(name, text) {
    const file = path.join(this.workspace, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Settings of the user and of the machine, which is where VS Code wants those of machine scope. */
  settings(values) {
    for (const scope of ['User', 'Machine']) {
      const text = JSON.stringify(values, null, 2);
      writeFileSync(path.join(this.folder('u', scope), 'settings.json'), text);
    }
  }

  /** Key bindings of the user. */
  keys(bindings) {
    writeFileSync(path.join(this.folder('u', 'User'), 'keybindings.json'), JSON.stringify(bindings));
  }

  /** Cuts this home off from every index of packages: pip's own file says so, since variables are not used. */
  offline() {
    const nowhere = 'http://127.0.0.1:9/simple'; // nothing listens there
    const lines = ['[global]', `index-url = ${nowhere}`, `extra-index-url = ${nowhere}`, 'find-links = /nonexistent', 'retries = 0'];
    writeFileSync(path.join(this.folder('config', 'pip'), 'pip.conf'), `${lines.join('\n')}\n`);
  }

  /** Have the user's consents say that code may be sent to an address. */
  allow(url) {
    const text = JSON.stringify({ folders: [], addresses: [{ url, keyEnvironment: '' }] });
    writeFileSync(path.join(this.folder('data', 'tabwright'), 'trust.json'), text, { mode: 0o600 });
  }

  environment(extra = {}) {
    const kept = Object.entries(process.env).filter(([name]) => !/^(XDG_|VSCODE_|npm_)/.test(name));
    return {
      ...Object.fromEntries(kept),
      HOME: this.path,
      XDG_CONFIG_HOME: this.folder('config'),
      XDG_DATA_HOME: this.folder('data'),
      XDG_CACHE_HOME: this.folder('cache'),
      XDG_STATE_HOME: this.folder('state'),
      XDG_RUNTIME_DIR: this.run,
      TABWRIGHT_RUNTIME_DIR: path.join(this.run, 'tabwright'),
      TABWRIGHT_MODELS_DIR: this.folder('models'),
      NUMBA_CACHE_DIR: COMPILED,
      ...extra,
    };
  }

  close() {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

export function need(file, how) {
  if (!existsSync(file)) {
    throw new Error(`${file} is not there; ${how}`);
  }
  return file;
}
