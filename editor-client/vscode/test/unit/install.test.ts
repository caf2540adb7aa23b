import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { cleanUp, folderFor, installed, interpreterOf } from '../../src/environment';
import { install, InstallError, troubleOf, type Plan, type Stage, type Trouble } from '../../src/install';
import { findPythons } from '../../src/python';
import { ownEnvironment, run } from '../../src/processes';
import { folder, program } from './folder';

// pip is to do what these tests say, whatever this machine's settings for it are.
const settings = folder();
mkdirSync(path.join(settings, 'pip'));
const PIP_SETTINGS = '[global]\nfind-links = /nonexistent\nextra-index-url = http://127.0.0.1:9/simple\nconstraint = /dev/null\n';
writeFileSync(path.join(settings, 'pip', 'pip.conf'), PIP_SETTINGS);
process.env['XDG_CONFIG_HOME'] = settings;

/** Minimal wheels of tabwright and of a library that it needs, made by Python's own zipfile. */
const WHEELS = `
import sys, zipfile
def wheel(name, version, files, more=""):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl", "w") as file:
        for path, text in files.items():
            file.writestr(path, text)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{more}")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr(f"{info}/RECORD", "")
wheel("library", "1.0", {"library.py": ""})
files = {"tabwright/__init__.py": "", "tabwright/__main__.py": "print('tabwright 0.1.0')"}
wheel("tabwright", "0.1.0", files, "Requires-Dist: library\\n")
`;

async function plan(...pipArguments: string[]): Promise<Plan> {
  const python = (await findPythons()).usable[0];
  assert.ok(python, 'these tests need Python 3.11 or newer on the PATH');
  const here = folder();
  const wheels = path.join(here, 'wheels');
  const storage = path.join(here, 'storage');
  mkdirSync(wheels);
  execFileSync(python.path, ['-c', WHEELS, wheels]);
  const wheel = path.join(wheels, 'tabwright-0.1.0-py3-none-any.whl');
  return {
    python: python.path,
    wheel,
    storage,
    target: await folderFor(storage, wheel),
    pipArguments: pipArguments.length > 0 ? pipArguments : ['--no-index', '--find-links', wheels],
  };
}

/** What an install that must fail ends with; checks that it leaves nothing. */
async function failure(wanted: Plan, signal = new AbortController().signal): Promise<InstallError> {
  const error = await install(wanted, () => {}, signal).then(
    () => assert.fail('it was installed'),
    (found: unknown) => found,
  );
  assert.ok(error instanceof InstallError, String(error));
  assert.deepEqual(readdirSync(wanted.storage), []);
  return error;
}

test('an install puts a whole environment in place, which runs after the move', async () => {
  const wanted = await plan();
  const stages: Stage[] = [];
  const tell = (stage: Stage): unknown => stages.at(-1) === stage || stages.push(stage);
  await install(wanted, tell, new AbortController().signal);
  assert.deepEqual(stages, ['environment', 'server', 'check']);
  assert.deepEqual(await installed(wanted.storage), [wanted.target]);
  assert.deepEqual(readdirSync(wanted.storage), [path.basename(wanted.target)]);
  const ran = await run(interpreterOf(wanted.target), ['-I', '-m', 'tabwright']);
  assert.equal(ran.stdout, 'tabwright 0.1.0\n');
});

test('variables that a checkout may set choose neither modules nor packages', async () => {
  const wanted = await plan();
  const hostile = folder();
  const marker = path.join(folder(), 'marker');
  for (const name of ['argparse', 'sitecustomize', 'pip', 'tabwright']) {
    writeFileSync(path.join(hostile, `${name}.py`), `open(${JSON.stringify(marker)}, 'w')`);
  }
  const variables = {
    PYTHONPATH: hostile,
    PYTHONSTARTUP: path.join(hostile, 'pip.py'),
    PIP_INDEX_URL: 'http://127.0.0.1:9/simple',
    PIP_NO_BINARY: ':all:',
    PIP_TARGET: hostile,
  };
  const before = process.cwd();
  Object.assign(process.env, variables);
  process.chdir(hostile);
  try {
    assert.deepEqual(Object.keys(variables).filter((name) => name in ownEnvironment()), []);
    await install(wanted, () => {}, new AbortController().signal);
    const where = await run(wanted.python, ['-I', '-c', 'import os; print(os.getcwd())']);
    assert.notEqual(where.stdout.trim(), hostile);
  } finally {
    process.chdir(before);
    for (const name of Object.keys(variables)) {
      delete process.env[name];
    }
  }
  assert.deepEqual(await installed(wanted.storage), [wanted.target]);
  assert.ok(!existsSync(marker));
});

test('without a network nothing is left, and the reason is known', async () => {
  // Nothing listens on port 9 of this machine.
  const wanted = await plan('--index-url', 'http://127.0.0.1:9/simple');
  assert.equal((await failure(wanted)).trouble, 'network');
});

test('cancelled in the middle, nothing is left and pip has ended', async () => {
  const wanted = await plan();
  const stop = new AbortController();
  const began = Date.now();
  const installing = install(wanted, (stage) => stage === 'server' && stop.abort(), stop.signal);
  await assert.rejects(installing, (error: InstallError) => error.trouble === 'cancelled');
  assert.deepEqual(readdirSync(wanted.storage), []);
  assert.ok(Date.now() - began < 60_000);
});

test('too little space is found before anything is written', async () => {
  const error = await failure({ ...(await plan()), neededBytes: 1e18 });
  assert.equal(error.trouble, 'disk');
  assert.match(error.detail, /[\d.]+ GB free, 1000000000\.0 GB needed/);
});

const notRoot = process.getuid?.() === 0 ? false : 'mounting a small disk needs root';
test('a disk that fills up in the middle leaves nothing', { skip: notRoot }, async () => {
  const wanted = await plan();
  mkdirSync(wanted.storage);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', wanted.storage]);
  try {
    const error = await failure({ ...wanted, neededBytes: 0 });
    assert.deepEqual([error.trouble, error.detail], ['disk', '0.0 GB free']);
  } finally {
    execFileSync('umount', [wanted.storage]);
  }
});

test('a Python without venv, and a wheel that is missing, are told apart', async () => {
  const wanted = await plan();
  const python = program(folder(), 'python', 'echo "No module named venv" >&2; exit 1');
  assert.equal((await failure({ ...wanted, python })).trouble, 'no-venv');
  assert.equal((await failure({ ...wanted, pipArguments: ['--no-index'] })).trouble, 'no-build');
});

test('what pip says is understood', () => {
  const said = (stderr: string): Trouble =>
    troubleOf({ code: 1, stdout: '', stderr, failure: '' }, false)[0];
  assert.equal(said("OSError: [Errno 28] No space left on device: '/tmp/x'"), 'disk');
  assert.equal(said('WARNING: Retrying after connection broken by NameResolutionError("x")\nERROR: No matching distribution found for torch'), 'network');
  assert.equal(said('SSLError(SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]"))'), 'certificate');
  assert.equal(said('ERROR: No matching distribution found for torch==2.13.0'), 'no-build');
  assert.equal(said('ERROR: something new'), 'other');
});

test('what a cut-off install left goes, what another window installs stays', async () => {
  const storage = folder();
  const dead = execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).trim();
  for (const name of [`.partial-${dead}-1`, '.partial-1-1', 'environment-0.1.0-aaa', 'environment-0.0.9-bbb', 'other']) {
    mkdirSync(path.join(storage, name));
    writeFileSync(path.join(storage, name, 'file'), '');
  }
  await cleanUp(storage, null);
  const first = ['.partial-1-1', 'environment-0.0.9-bbb', 'environment-0.1.0-aaa', 'other'];
  assert.deepEqual(readdirSync(storage).sort(), first);
  await cleanUp(storage, path.join(storage, 'environment-0.1.0-aaa'));
  assert.deepEqual(readdirSync(storage).sort(), ['.partial-1-1', 'environment-0.1.0-aaa', 'other']);
});
