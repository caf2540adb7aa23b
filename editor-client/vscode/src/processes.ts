// Runs programs to their end, with their lines as they come, and stops them with all they started.

import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { createInterface } from 'node:readline';

export interface RunOptions {
  /** The user's home folder by default: on Windows programs are looked for in the working folder first. */
  readonly cwd?: string;
  /** `ownEnvironment()` by default. */
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
}

export interface Ran {
  /** Exit status; -1 where the program could not be started or was stopped. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it could not be started or was stopped, "" otherwise. */
  readonly failure: string;
}

const GRACE_MS = 3000;
const MOST_KEPT = 200_000;

/**
 * This process's environment without the variables by which a checkout could choose our code: where
 * Python loads modules from, and where pip gets packages. Tools such as direnv set them by folder.
 */
export function ownEnvironment(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !/^(?:PYTHON|PIP_|__PYVENV_LAUNCHER__$)/i.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

/** Run a program without a shell; never rejects. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve) => {
    if (options.signal?.aborted) {
      resolve({ code: -1, stdout: '', stderr: '', failure: 'cancelled' });
      return;
    }
    const posix = process.platform !== 'win32';
    const child = spawn(command, args, {
      cwd: options.cwd ?? homedir(),
      env: options.env ?? ownEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: posix, // a process group of its own, so that a stop reaches its children
      windowsHide: true,
    });
    let stdout = '';
    let stderr = '';
    let failure = '';
    const stop = (why: string): void => {
      failure ||= why;
      endTree(child.pid);
    };
    const onAbort = (): void => stop('cancelled');
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => stop(`no answer within ${options.timeoutMs} ms`), options.timeoutMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      stdout = kept(stdout, line);
      options.onLine?.(line);
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      stderr = kept(stderr, line);
      options.onLine?.(line);
    });
    const finish = (code: number): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      resolve({ code: failure ? -1 : code, stdout, stderr, failure });
    };
    child.on('error', (error) => {
      failure ||= error.message;
      finish(-1);
    });
    child.on('close', (code) => finish(code ?? -1));
  });
}

function kept(text: string, line: string): string {
  const all = `${text}${line}\n`;
  return all.length > MOST_KEPT ? all.slice(-MOST_KEPT) : all;
}

function endTree(pid: number | undefined): void {
  if (pid === undefined) {
    return;
  }
  if (process.platform === 'win32') {
    spawn('taskkill', ['/pid', String(pid), '/T', '/F'], { windowsHide: true }).on('error', () => {});
    return;
  }
  signalGroup(pid, 'SIGTERM');
  setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS).unref();
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It has ended by itself, which is what was wanted; a Mac says EPERM of one that is just ending.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      throw error;
    }
  }
}
