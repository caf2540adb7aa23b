// Runs test/*.test.mjs in a real VS Code: two files at a time, since a test mostly waits, and alone those
// that take times or load the model. Names of files as arguments run these alone.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

const ALONE = ['latency.test.mjs', 'model.test.mjs', 'first_run.test.mjs'];

function node(...args) {
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

function ran(names, atOnce) {
  const files = names.map((name) => path.join('test', name));
  return files.length === 0 ? 0 : node('--test', `--test-concurrency=${atOnce}`, ...files);
}

const wanted = process.argv.slice(2).map((name) => path.basename(name));
const all = readdirSync('test').filter((name) => name.endsWith('.test.mjs'));
const names = wanted.length > 0 ? wanted : all;
const failed = [
  node('test/setup.mjs'),
  ran(names.filter((name) => !ALONE.includes(name)), 2),
  ran(names.filter((name) => ALONE.includes(name)), 1),
].filter((status) => status !== 0);
process.exit(failed[0] ?? 0);
