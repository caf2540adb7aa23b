import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const ALLOWED = [
  /^dist\/extension\.js$/,
  /^package\.json$/,
  /^package\.nls(\.zh-cn)?\.json$/,
  /^l10n\/bundle\.l10n\.zh-cn\.json$/,
  /^media\/[\w.-]+\.(md|svg|png)$/,
  /^wheel\/tabwright-[\w.]+-py3-none-any\.whl$/,
  /^(README(\.zh-CN)?\.md|LICENSE)$/,
];

test('nothing but the bundle, its texts and the wheel is packaged', () => {
  const vsce = ['node_modules/@vscode/vsce/vsce', 'ls', '--no-dependencies'];
  const said = execFileSync(process.execPath, vsce, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const files = said.split('\n').filter((line) => /^[\w./-]+$/.test(line));
  assert.ok(files.includes('dist/extension.js') && files.includes('README.zh-CN.md'), said);
  assert.deepEqual(files.filter((file) => !ALLOWED.some((each) => each.test(file))), []);
});
