// Makes tabwright.vsix with the server's wheel in it: npm run package [-- --wheel FILE.whl]
// Without --wheel the wheel is built from this checkout, by the Python that PYTHON names, or .venv's.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const root = path.resolve(here, '..', '..');
const wheels = path.join(here, 'wheel');

function fail(message) {
  console.error(`package: ${message}`);
  process.exit(1);
}

function wheelArgument() {
  const at = process.argv.indexOf('--wheel');
  if (at < 0) {
    return null;
  }
  const wheel = process.argv[at + 1];
  if (wheel === undefined || !wheel.endsWith('.whl') || !existsSync(wheel)) {
    fail(`--wheel wants the path of a wheel, not ${wheel}`);
  }
  return path.resolve(wheel);
}

function python() {
  const own = path.join(root, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  return process.env.PYTHON ?? (existsSync(own) ? own : 'python3');
}

const given = wheelArgument();
rmSync(wheels, { recursive: true, force: true });
mkdirSync(wheels, { recursive: true });
if (given !== null) {
  cpSync(given, path.join(wheels, path.basename(given)));
} else {
  const pip = ['-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check', '--no-deps'];
  try {
    execFileSync(python(), [...pip, '--wheel-dir', wheels, root], { stdio: 'inherit' });
  } catch (error) {
    fail(`the server's wheel could not be built with ${python()}: ${error.message}`);
  }
}
if (readdirSync(wheels).length !== 1) {
  fail(`one wheel was expected in ${wheels}, not ${readdirSync(wheels).join(', ') || 'none'}`);
}
cpSync(path.join(root, 'LICENSE'), path.join(here, 'LICENSE'));
const vsce = path.join(here, 'node_modules', '@vscode', 'vsce', 'vsce');
const options = ['--no-dependencies', '--no-rewrite-relative-links', '--skip-license', '--allow-missing-repository', '--out', 'tabwright.vsix'];
const packed = spawnSync(process.execPath, [vsce, 'package', ...options], { cwd: here, stdio: 'inherit' });
process.exit(packed.status ?? 1);
