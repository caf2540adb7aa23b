// Installs the server into a virtual environment of its own: all of it, or nothing.

import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { cleanUp, interpreterOf, partialFor, remove } from './environment';
import { ownEnvironment, run, type Ran } from './processes';

export const NEEDED_BYTES = 700_000_000;
const FULL_BYTES = 20_000_000;
const PIP = ['-I', '-m', 'pip', '--disable-pip-version-check', '--no-input'];
const WAITING = ['--retries', '2', '--timeout', '20', '--progress-bar', 'off'];

export type Trouble = 'cancelled' | 'disk' | 'network' | 'certificate' | 'no-build' | 'no-venv' | 'other';

export class InstallError extends Error {
  constructor(
    readonly trouble: Trouble,
    readonly detail: string,
  ) {
    super(detail);
  }
}

export type Stage = 'environment' | 'server' | 'check';

export interface Plan {
  readonly python: string;
  readonly wheel: string;
  /** Folder of all our environments, and the one to make in it. */
  readonly storage: string;
  readonly target: string;
  readonly pipArguments: readonly string[];
  readonly neededBytes?: number;
}

export type Tell = (stage: Stage, line: string) => void;

/** Install, and put the environment in place at the end; raises InstallError and leaves nothing. */
export async function install(plan: Plan, tell: Tell, signal: AbortSignal): Promise<void> {
  await fs.mkdir(plan.storage, { recursive: true });
  await cleanUp(plan.storage, null);
  await requireSpace(plan.storage, plan.neededBytes ?? NEEDED_BYTES);
  const partial = partialFor(plan.storage);
  // pip unpacks here, so that what it leaves when it is stopped goes with the folder.
  const scratch = path.join(partial, 'tmp');
  try {
    await fs.mkdir(scratch, { recursive: true });
    const env = { ...ownEnvironment(), TMPDIR: scratch, TEMP: scratch, TMP: scratch, PIP_NO_INPUT: '1' };
    const step = async (stage: Stage, command: string, args: readonly string[]): Promise<Ran> => {
      tell(stage, '');
      const onLine = (line: string): void => tell(stage, line);
      const ran = await run(command, args, { cwd: partial, env, signal, onLine });
      if (ran.code !== 0) {
        throw await failed(ran, plan.storage, signal.aborted);
      }
      return ran;
    };
    const python = interpreterOf(partial);
    const pip = [...PIP, 'install', ...WAITING, ...plan.pipArguments];
    // 1. An empty environment. 2. The server and what a CPU needs. 3. Does it run?
    await step('environment', plan.python, ['-I', '-m', 'venv', partial]);
    await step('server', python, [...pip, plan.wheel]);
    await step('check', python, ['-I', '-m', 'tabwright', '--version']);
    await remove(scratch);
    await putInPlace(partial, plan.target);
  } catch (error) {
    throw error instanceof InstallError ? error : new InstallError(...troubleOfError(error));
  } finally {
    await remove(partial);
  }
}

async function putInPlace(partial: string, target: string): Promise<void> {
  try {
    await fs.rename(partial, target);
  } catch (error) {
    const there = await fs.stat(interpreterOf(target)).catch(() => null);
    if (there === null) {
      throw error;
    }
    // Another window has installed the same meanwhile.
  }
}

/** The error for a step; a disk without room is told by the disk, since venv hides what it met. */
async function failed(ran: Ran, storage: string, cancelled: boolean): Promise<InstallError> {
  const [trouble, detail] = troubleOf(ran, cancelled);
  const free = await freeBytes(storage);
  const isFull = !cancelled && free < FULL_BYTES;
  return isFull ? new InstallError('disk', `${inGigabytes(free)} free`) : new InstallError(trouble, detail);
}

async function freeBytes(folder: string): Promise<number> {
  const found = await fs.statfs(folder);
  return found.bavail * found.bsize;
}

async function requireSpace(folder: string, needed: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free < needed) {
    throw new InstallError('disk', `${inGigabytes(free)} free, ${inGigabytes(needed)} needed`);
  }
}

function inGigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

const SIGNS: readonly (readonly [Trouble, RegExp])[] = [
  ['disk', /No space left on device|ENOSPC|Errno 28|not enough space on the disk|Disk quota exceeded/i],
  ['certificate', /CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError/i],
  [
    'network',
    /NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|Network is unreachable|Connection (?:refused|reset|aborted)|getaddrinfo failed|ConnectionResetError|IncompleteRead|HTTPError: 5\d\d/i,
  ],
  ['no-venv', /ensurepip is not available|No module named '?(?:venv|ensurepip|pip)/i],
  ['no-build', /No matching distribution found|Could not find a version that satisfies/i],
];

/** What went wrong, and the words of the program about it. */
export function troubleOf(ran: Ran, cancelled: boolean): [Trouble, string] {
  if (cancelled) {
    return ['cancelled', ''];
  }
  const said = `${ran.stdout}\n${ran.stderr}`;
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const detail = lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1) ?? ran.failure;
  const trouble = SIGNS.find(([, sign]) => sign.test(said))?.[0] ?? 'other';
  return [trouble, (ran.failure || detail).trim()];
}

function troubleOfError(error: unknown): [Trouble, string] {
  const code = (error as NodeJS.ErrnoException).code;
  const detail = error instanceof Error ? error.message : String(error);
  return [code === 'ENOSPC' || code === 'EDQUOT' ? 'disk' : 'other', detail];
}
