// A folder for one test, and programs in it that play a part.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

export function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'tw-unit-'));
  after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A shell script under a name. */
export function program(inside: string, name: string, script: string): string {
  mkdirSync(inside, { recursive: true });
  const file = path.join(inside, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** An interpreter that says it is of a version. */
export function fakePython(inside: string, name: string, version: string, hasVenv = true): string {
  const file = path.join(inside, name);
  const said = JSON.stringify([version.split('.').map(Number), file, true, hasVenv]);
  return program(inside, name, `echo '${said}'`);
}
