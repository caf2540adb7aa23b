import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { forServer, initialOptions, isOn, own } from '../../src/settings';
import { stub } from './vscode_stub';

beforeEach(() => {
  stub.trusted = true;
  stub.layers = {};
  stub.settings = {
    tabwright: {
      enabled: true,
      languages: { '*': true, markdown: false },
      checks: { tools: true, runExamples: true, timeoutSeconds: 10 },
      privacy: { deny: [], respectGitignore: true },
      remote: { url: '', model: '' },
      server: { command: ['/opt/tabwright'], python: ' ', pipArguments: 'wrong' },
    },
  };
  set({ enabled: true, languages: { markdown: false }, checks: { runExamples: true, timeoutSeconds: 10 } });
  initialOptions();
});

/** What the user has set; the rest of the settings are defaults. */
function set(globalValue: object, workspaceValue: object = {}): void {
  stub.layers['tabwright'] = { defaultValue: stub.settings['tabwright'], globalValue, workspaceValue };
}

test('defaults are not sent: they would hide what the file of the user says', () => {
  set({}, { completion: {} });
  initialOptions();
  assert.deepEqual(forServer(), {});
  set({ remote: { model: '' } }, { enabled: true });
  assert.deepEqual(forServer(), { enabled: true, remote: { model: '' } });
});

test('what was set as the server started and is no more goes with its default', () => {
  set({ remote: { url: 'http://localhost:1' }, privacy: { deny: ['a'] } });
  assert.deepEqual(Object.keys(initialOptions()['tabwright'] as object).sort(), ['privacy', 'remote']);
  set({});
  assert.deepEqual(forServer(), { remote: { url: '' }, privacy: { deny: [] } });
});

test('the server gets its settings without those of the extension', () => {
  const sent = forServer();
  assert.deepEqual(Object.keys(sent).sort(), ['checks', 'enabled', 'languages']);
  assert.deepEqual(sent['checks'], { runExamples: true, timeoutSeconds: 10 });
});

test('in a workspace that is not trusted no example is run', () => {
  stub.trusted = false;
  assert.deepEqual(forServer()['checks'], { runExamples: false, timeoutSeconds: 10 });
});

test('the server hears whether the workspace is trusted, and that its settings are kept apart', () => {
  for (const trusted of [true, false]) {
    stub.trusted = trusted;
    const sent = initialOptions();
    assert.deepEqual(sent, { tabwright: forServer(), trust: { settings: 'separate', workspace: trusted } });
  }
});

test('a workspace adds to what the user denies, and takes nothing off', () => {
  stub.layers['tabwright.privacy.deny'] = {
    defaultValue: [],
    globalValue: ['secret.py', '!shown.env'],
    workspaceValue: ['!secret.py', 'more.py'],
    workspaceFolderValue: ['!.env'],
  };
  set({ privacy: { deny: ['secret.py', '!shown.env'] } });
  assert.deepEqual(forServer()['privacy'], { deny: ['secret.py', '!shown.env', 'more.py'] });
});

test('settings of a wrong type count as not set', () => {
  assert.deepEqual(own(), { command: ['/opt/tabwright'], python: '', pipArguments: [] });
});

test('a language is on unless it or all are off', () => {
  assert.deepEqual(['python', 'markdown'].map(isOn), [true, false]);
  stub.settings = { tabwright: { enabled: false } };
  assert.equal(isOn('python'), false);
});
