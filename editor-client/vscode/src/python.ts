// Finds Python interpreters that the server can be installed with.

import { run } from './processes';

export const OLDEST: readonly [number, number] = [3, 11];
const NEWEST_KNOWN = 14;
const PROBE_MS = 15_000;
const PROBE = [
  'import sys, json, importlib.util as u',
  'print(json.dumps([list(sys.version_info[:3]), sys.executable, sys.maxsize > 2**32,',
  'bool(u.find_spec("venv")) and bool(u.find_spec("ensurepip"))]))',
].join('\n');

export interface Python {
  readonly path: string;
  readonly version: readonly [number, number, number];
  /** Whether it can make virtual environments; Debian ships that as a package of its own. */
  readonly hasVenv: boolean;
  readonly is64Bit: boolean;
}

export interface Found {
  /** What the server runs on, best first. */
  readonly usable: readonly Python[];
  /** What was found but cannot be used. */
  readonly unusable: readonly Python[];
}

export function versionText(python: Python): string {
  return python.version.join('.');
}

/** Names under which interpreters usually stand on the PATH, and their arguments. */
export function usualNames(platform: NodeJS.Platform): readonly (readonly string[])[] {
  const minors: number[] = [];
  for (let minor = NEWEST_KNOWN; minor >= OLDEST[1]; minor -= 1) {
    minors.push(minor);
  }
  if (platform === 'win32') {
    return [...minors.map((minor) => ['py', `-3.${minor}`]), ['python'], ['python3']];
  }
  // Programs that a Mac starts from its desktop do not know the PATH of its shells.
  const places = platform === 'darwin' ? ['', '/opt/homebrew/bin/', '/usr/local/bin/'] : [''];
  return [
    ...places.flatMap((place) => minors.map((minor) => [`${place}python3.${minor}`])),
    ['python3'],
    ['python'],
  ];
}

/** Ask an interpreter about itself; null where it is none. */
export async function probe(command: readonly string[], signal?: AbortSignal): Promise<Python | null> {
  const [program, ...args] = command;
  if (program === undefined) {
    return null;
  }
  const ran = await run(program, [...args, '-I', '-c', PROBE], {
    timeoutMs: PROBE_MS,
    ...(signal ? { signal } : {}),
  });
  if (ran.code !== 0) {
    return null;
  }
  try {
    const [version, path, is64Bit, hasVenv] = JSON.parse(ran.stdout) as [
      [number, number, number],
      string,
      boolean,
      boolean,
    ];
    return { path, version, is64Bit, hasVenv };
  } catch {
    return null; // something else than Python answers to that name
  }
}

export function isUsable(python: Python): boolean {
  const [major, minor] = python.version;
  return major === OLDEST[0] && minor >= OLDEST[1] && python.is64Bit && python.hasVenv;
}

/** Probe all names at once, and sort what answers: known versions first, the newest of them first. */
export async function findPythons(
  names: readonly (readonly string[])[] = usualNames(process.platform),
  signal?: AbortSignal,
): Promise<Found> {
  const answers = await Promise.all(names.map((name) => probe(name, signal)));
  const byPath = new Map<string, Python>();
  for (const python of answers) {
    if (python !== null) {
      byPath.set(python.path, python);
    }
  }
  const all = [...byPath.values()].sort((a, b) => rank(b) - rank(a));
  return { usable: all.filter(isUsable), unusable: all.filter((python) => !isUsable(python)) };
}

function rank(python: Python): number {
  // A Python newer than all known may have no builds of torch yet, so it is tried last.
  const [, minor, patch] = python.version;
  return minor > NEWEST_KNOWN ? -minor : minor * 1000 + patch;
}
