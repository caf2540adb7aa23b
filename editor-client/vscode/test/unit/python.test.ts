import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { findPythons, probe, usualNames } from '../../src/python';
import { fakePython, folder, program } from './folder';

test('the newest usable interpreter comes first; what is too old is told apart', async () => {
  const here = folder();
  const names = ['3.9.2', '3.11.4', '3.13.1'].map((version) => [fakePython(here, `python${version}`, version)]);
  const found = await findPythons(names);
  assert.deepEqual(found.usable.map((each) => each.version), [[3, 13, 1], [3, 11, 4]]);
  assert.deepEqual(found.unusable.map((each) => each.version), [[3, 9, 2]]);
});

test('one newer than all known comes last, one without venv not at all', async () => {
  const here = folder();
  const found = await findPythons([
    [fakePython(here, 'a', '3.27.0')],
    [fakePython(here, 'b', '3.11.0')],
    [fakePython(here, 'c', '3.12.0', false)],
  ]);
  assert.deepEqual(found.usable.map((each) => path.basename(each.path)), ['b', 'a']);
  assert.deepEqual(found.unusable.map((each) => path.basename(each.path)), ['c']);
});

test('what is missing, fails or says something else is no interpreter', async () => {
  const here = folder();
  assert.equal(await probe([path.join(here, 'none')]), null);
  assert.equal(await probe([program(here, 'fails', 'exit 3')]), null);
  assert.equal(await probe([program(here, 'talks', 'echo hello')]), null);
});

test('the interpreter of this machine is found by its usual names', async () => {
  const found = await findPythons(usualNames(process.platform));
  assert.ok(found.usable.length > 0, 'these tests need Python 3.11 or newer on the PATH');
});
