// Bundles test/unit/*.test.ts and runs them with Node's own test runner.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';

const names = readdirSync('test/unit').filter((name) => name.endsWith('.test.ts'));
rmSync('out/unit', { recursive: true, force: true });
await build({
  entryPoints: names.map((name) => `test/unit/${name}`),
  outdir: 'out/unit',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['typescript'],
  alias: { vscode: './test/unit/vscode_stub.ts' },
  sourcemap: 'inline',
  logLevel: 'warning',
});
const files = names.map((name) => `out/unit/${name.replace(/\.ts$/, '.cjs')}`);
const ran = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' });
process.exit(ran.status ?? 1);
