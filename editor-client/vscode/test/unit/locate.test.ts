import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { locate, NotThere, which } from '../../src/locate';
import { folder, program } from './folder';

const nothing = { command: [], python: '', environments: [], searchPath: '' };

test('a command of the settings comes first, then an interpreter, our environment, the PATH', async () => {
  const here = folder();
  const onPath = program(path.join(here, 'bin'), 'tabwright', '');
  const python = program(here, 'python', '');
  const own = path.join(here, 'own');
  const inside = program(path.join(own, 'bin'), 'python', '');
  const all = {
    command: [onPath, '--flag'],
    python,
    environments: [path.join(here, 'gone'), own],
    searchPath: path.join(here, 'bin'),
  };
  assert.deepEqual(await locate(all), { source: 'command', command: onPath, args: ['--flag'] });
  const second = await locate({ ...all, command: [] });
  assert.deepEqual(second, { source: 'python', command: python, args: ['-E', '-P', '-m', 'tabwright'] });
  const third = await locate({ ...all, command: [], python: '' });
  assert.deepEqual(third, { source: 'environment', command: inside, args: ['-I', '-m', 'tabwright'] });
  const last = await locate({ ...all, command: [], python: '', environments: [] });
  assert.deepEqual(last, { source: 'path', command: onPath, args: [] });
  assert.equal(await locate(nothing), null);
});

test('a setting that names nothing is an error that names the setting', async () => {
  await assert.rejects(locate({ ...nothing, command: ['/no/such'] }), (error: NotThere) => {
    assert.equal(error.setting, 'tabwright.server.command');
    return error.program === '/no/such';
  });
  await assert.rejects(locate({ ...nothing, python: '/no/such' }), NotThere);
});

test('a path that depends on the current folder is not looked at', async () => {
  const here = folder();
  program(here, 'tabwright', '');
  const before = process.cwd();
  process.chdir(here);
  try {
    assert.equal(await which('./tabwright', here), null);
    assert.equal(await which('tabwright', '.'), null);
    assert.equal(await which('tabwright', here), path.join(here, 'tabwright'));
  } finally {
    process.chdir(before);
  }
});
