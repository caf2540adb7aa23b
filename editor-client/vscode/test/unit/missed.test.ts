import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import * as vscode from 'vscode';
import { MissedTyping } from '../../src/missed';
import type { Life, Server } from '../../src/server';
import { EventEmitter, stub, typed } from './vscode_stub';

const TRIGGER = 'editor.action.inlineSuggest.trigger';
let code: { version: number };
let server: { life: Life; onDidChange: EventEmitter<Life>['event'] };
let become: (life: Life) => void;

beforeEach(() => {
  const changed = new EventEmitter<Life>();
  code = { version: 1 };
  server = { life: 'starting', onDidChange: changed.event };
  become = (life) => {
    server.life = life;
    changed.fire(life);
  };
  stub.editor = { document: code, selection: { isEmpty: true, active: {} } };
  stub.executed = [];
});

function missing(wanted = true): MissedTyping {
  return new MissedTyping(server as unknown as Server, () => wanted);
}

function type(document: object = code): void {
  typed.fire({ document, contentChanges: [{}] });
}

test('what is typed while a server starts is asked for once, as typing would ask', () => {
  const missed = missing();
  type();
  type({ version: 7 }); // the log, which is open too
  become('running');
  assert.deepEqual(stub.executed, [TRIGGER]);
  const byHand = { triggerKind: vscode.InlineCompletionTriggerKind.Invoke } as vscode.InlineCompletionContext;
  assert.equal(missed.contextOf(byHand).triggerKind, vscode.InlineCompletionTriggerKind.Automatic);
  assert.equal(missed.contextOf(byHand).triggerKind, vscode.InlineCompletionTriggerKind.Invoke);
  become('starting');
  become('running');
  assert.deepEqual(stub.executed, [TRIGGER]);
});

const NOT_ASKED: Record<string, () => void> = {
  'a server was there': () => {
    become('running');
    type();
    become('running');
  },
  'it was changed since': () => {
    type();
    code.version += 1;
    become('running');
  },
  'another document is looked at': () => {
    type();
    stub.editor = { document: {}, selection: { isEmpty: true, active: {} } };
    become('running');
  },
  'something is selected': () => {
    type();
    stub.editor = { document: code, selection: { isEmpty: false, active: {} } };
    become('running');
  },
};

for (const [why, happens] of Object.entries(NOT_ASKED)) {
  test(`nothing is asked where ${why}`, () => {
    missing();
    happens();
    assert.deepEqual(stub.executed, []);
  });
}

test('nothing is asked while suggestions are not wanted', () => {
  missing(false);
  type();
  become('running');
  assert.deepEqual(stub.executed, []);
});
