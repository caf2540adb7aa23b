// Decides which program is the server: what the settings name, our own environment, or the PATH.

import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { interpreterOf } from './environment';

export type Source = 'command' | 'python' | 'environment' | 'path';

/** The program without its subcommand, as in [command, ...args, 'serve']. */
export interface ServerProgram {
  readonly source: Source;
  readonly command: string;
  readonly args: readonly string[];
}

export interface Wanted {
  readonly command: readonly string[];
  readonly python: string;
  /** Our own environments, best first. */
  readonly environments: readonly string[];
  readonly searchPath: string;
}

/** A setting that names a program which is not there. */
export class NotThere extends Error {
  constructor(
    readonly setting: 'tabwright.server.command' | 'tabwright.server.python',
    readonly program: string,
  ) {
    super(`${setting}: ${program}`);
  }
}

/** The server to start, null where there is none; raises NotThere for a setting that names none. */
export async function locate(wanted: Wanted): Promise<ServerProgram | null> {
  const [command, ...args] = wanted.command;
  if (command !== undefined && command !== '') {
    const found = await which(command, wanted.searchPath);
    if (found === null) {
      throw new NotThere('tabwright.server.command', command);
    }
    return { source: 'command', command: found, args };
  }
  if (wanted.python !== '') {
    const found = await which(wanted.python, wanted.searchPath);
    if (found === null) {
      throw new NotThere('tabwright.server.python', wanted.python);
    }
    // -P: Python would look for modules in the current folder first; -E: and where PYTHONPATH says.
    return { source: 'python', command: found, args: ['-E', '-P', '-m', 'tabwright'] };
  }
  for (const environment of wanted.environments) {
    const python = interpreterOf(environment);
    if (await isFile(python)) {
      return { source: 'environment', command: python, args: ['-I', '-m', 'tabwright'] };
    }
  }
  const onPath = await which('tabwright', wanted.searchPath);
  return onPath === null ? null : { source: 'path', command: onPath, args: [] };
}

/** Full path of a program by name or path, null where there is none. */
export async function which(program: string, searchPath: string): Promise<string | null> {
  const endings = process.platform === 'win32' ? ['', '.exe'] : [''];
  const own = expandHome(program);
  // A relative path would be the workspace's choice, so only absolute ones and plain names count.
  const folders = path.isAbsolute(own)
    ? ['']
    : /[\\/]/.test(own)
      ? []
      : searchPath.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  for (const folder of folders) {
    for (const ending of endings) {
      const candidate = path.join(folder, own + ending);
      if (await isFile(candidate)) {
        return candidate;
      }
    }
  }
  return null;
}

function expandHome(program: string): string {
  const home = process.env['HOME'] ?? process.env['USERPROFILE'];
  return home !== undefined && /^~[\\/]/.test(program) ? path.join(home, program.slice(2)) : program;
}

async function isFile(file: string): Promise<boolean> {
  try {
    const found = await fs.stat(file);
    await fs.access(file, fs.constants.X_OK);
    return found.isFile();
  } catch {
    return false; // not there, or not ours to run: the next candidate is tried
  }
}
