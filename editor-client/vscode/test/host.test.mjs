// The tests of test/host, which VS Code runs in its extension host: what its API shows of the extension.

import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { EXTENSION, HERE } from './folders.mjs';
import { until } from './waiting.mjs';
import { withEditor } from './with_editor.mjs';

const START = 'def add(a, b):\n    \n';
const WHOLE = 'def add(a, b):\n    return a + b\n';
const SUITE = path.join(EXTENSION, 'out', 'host', 'index.cjs');
const MARK = 'tabwright-test ';
const fenced = (text) => `${text}\n\`\`\``;
const running = withEditor({
  files: {
    'one/first.py': START,
    'two/second.py': START,
    'all.code-workspace': JSON.stringify({ folders: [{ path: 'one' }, { path: 'two' }] }),
  },
  script: {
    rules: [
      { match: 'larger of two numbers', text: fenced('def larger(a, b):\n    return a if a > b else b') },
      { match: 'not assignable', text: fenced('count: int = 3') },
      { match: 'add', document: WHOLE },
    ],
  },
  open: 'all.code-workspace',
  drives: true,
});

test('in the extension host', { timeout: 300_000 }, async (context) => {
  await build({
    entryPoints: [path.join(HERE, 'host', 'index.ts')],
    outfile: SUITE,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['vscode'],
    sourcemap: 'inline',
  });
  const { editor } = running;
  const outcomes = [];
  let code;
  await editor.inHost(installed(editor), SUITE, {
    log: (line) => line.startsWith(MARK) && outcomes.push(JSON.parse(line.slice(MARK.length))),
    exit: (found) => (code = found),
  });
  await until('the suite has ended', () => code !== undefined, 240_000);
  for (const { name, error, ms } of outcomes) {
    context.diagnostic(`${error === '' ? 'ok' : 'FAILED'}: ${name} (${ms} ms)`);
  }
  assert.deepEqual(outcomes.filter((each) => each.error !== '').map((each) => `${each.name}: ${each.error}`), []);
  assert.ok(outcomes.length > 10, `${outcomes.length} tests ran`);
  assert.equal(code, 0);
});

/** Where the packaged extension is unpacked: just that is tested. */
function installed(editor) {
  const extensions = path.join(editor.home.path, 'x');
  const name = readdirSync(extensions).find((each) => each.startsWith('tabwright.tabwright-'));
  return path.join(extensions, name);
}
