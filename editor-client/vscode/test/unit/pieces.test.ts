import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Status } from '../../src/answers';
import { withEdits } from '../../src/edits';
import { RestartLimit } from '../../src/restarts';
import { stateOf, type Facts } from '../../src/state';

test('five deaths in three minutes are forgiven, the sixth is not, and time heals', () => {
  const limit = new RestartLimit();
  const minute = 60_000;
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((at) => limit.allows(at)), [true, true, true, true, true, false]);
  assert.equal(limit.allows(4 * minute), true);
  limit.reset();
  assert.equal(limit.allows(4 * minute), true);
});

test('edits are made by the offsets of the text before any of them', () => {
  const edits = [
    { start: 0, end: 1, text: 'XY' },
    { start: 4, end: 4, text: '!' },
    { start: 2, end: 3, text: '' },
  ];
  assert.equal(withEdits('abcd', edits), 'XYbd!');
  assert.equal(withEdits('abcd', []), 'abcd');
});

const status: Status = {
  version: '0.1.0', pid: 1, state: 'ready', model: 'm', remote: null, problem: null, pulling: [],
  last_ms: null, requests: 0, no_model_share: null,
};
const ready: Facts = { life: 'running', status, installing: false, on: true, snoozed: false, working: false };

test('the state is the first thing that needs attention', () => {
  assert.equal(stateOf(ready), 'ready');
  assert.equal(stateOf({ ...ready, working: true }), 'working');
  assert.equal(stateOf({ ...ready, snoozed: true, working: true }), 'snoozed');
  assert.equal(stateOf({ ...ready, on: false, snoozed: true }), 'off');
  assert.equal(stateOf({ ...ready, status: null }), 'loading');
  assert.equal(stateOf({ ...ready, status: { ...status, state: 'loading' } }), 'loading');
  assert.equal(stateOf({ ...ready, status: { ...status, state: 'no model' } }), 'no model');
  assert.equal(stateOf({ ...ready, status: { ...status, state: 'no model', pulling: ['m'] } }), 'pulling');
  assert.equal(stateOf({ ...ready, status: { ...status, state: 'failed' } }), 'error');
  assert.equal(stateOf({ ...ready, life: 'dead', status: null, on: false }), 'error');
  assert.equal(stateOf({ ...ready, life: 'missing', status: null }), 'missing');
  assert.equal(stateOf({ ...ready, life: 'missing', status: null, installing: true }), 'installing');
});
