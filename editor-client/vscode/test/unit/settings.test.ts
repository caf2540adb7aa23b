import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { forServer, isOn, own } from '../../src/settings';
import { stub } from './vscode_stub';

beforeEach(() => {
  stub.trusted = true;
  stub.settings = {
    tabwright: {
      enabled: true,
      languages: { '*': true, markdown: false },
      checks: { tools: true, runExamples: true, timeoutSeconds: 10 },
      server: { command: ['/opt/tabwright'], python: ' ', pipArguments: 'wrong' },
    },
  };
});

test('the server gets its settings without those of the extension', () => {
  const sent = forServer();
  assert.deepEqual(Object.keys(sent).sort(), ['checks', 'enabled', 'languages']);
  assert.deepEqual(sent['checks'], { tools: true, runExamples: true, timeoutSeconds: 10 });
});

test('in a workspace that is not trusted no tool and no example is run', () => {
  stub.trusted = false;
  assert.deepEqual(forServer()['checks'], { tools: false, runExamples: false, timeoutSeconds: 10 });
});

test('settings of a wrong type count as not set', () => {
  assert.deepEqual(own(), { command: ['/opt/tabwright'], python: '', pipArguments: [] });
});

test('a language is on unless it or all are off', () => {
  assert.deepEqual(['python', 'markdown'].map(isOn), [true, false]);
  stub.settings = { tabwright: { enabled: false } };
  assert.equal(isOn('python'), false);
});
