import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import * as vscode from 'vscode';
import { MissedTyping } from '../../src/missed';
import type { Life, Server } from '../../src/server';
import { EventEmitter, stub, typed } from './vscode_stub';

const TRIGGER = 'editor.action.inlineSuggest.trigger';
let code: { version: number };
let server: { life: Life; onDidChange: EventEmitter<Life>['event'] };
let become: (life: Life) => void;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
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

afterEach(() => mock.timers.reset());

/** A server runs, and has for a second. */
function settled(): void {
  become('running');
  mock.timers.tick(1000);
}

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
  settled();
  assert.deepEqual(stub.executed, [TRIGGER]);
  const byHand = { triggerKind: vscode.InlineCompletionTriggerKind.Invoke } as vscode.InlineCompletionContext;
  assert.equal(missed.contextOf(byHand).triggerKind, vscode.InlineCompletionTriggerKind.Automatic);
  assert.equal(missed.contextOf(byHand).triggerKind, vscode.InlineCompletionTriggerKind.Invoke);
  become('starting');
  settled();
  assert.deepEqual(stub.executed, [TRIGGER]);
});

test('a key that comes just when the server does is asked for again', () => {
  missing();
  become('running');
  mock.timers.tick(100);
  type();
  mock.timers.tick(1000);
  assert.deepEqual(stub.executed, [TRIGGER]);
});

const NOT_ASKED: Record<string, () => void> = {
  'a server was there': () => {
    settled();
    type();
    settled();
  },
  'it was changed since': () => {
    type();
    code.version += 1;
    settled();
  },
  'another document is looked at': () => {
    type();
    stub.editor = { document: {}, selection: { isEmpty: true, active: {} } };
    settled();
  },
  'something is selected': () => {
    type();
    stub.editor = { document: code, selection: { isEmpty: false, active: {} } };
    settled();
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
  settled();
  assert.deepEqual(stub.executed, []);
});
