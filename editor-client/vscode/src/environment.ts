// The extension's own virtual environments: one folder for each wheel, put in place when complete.

import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

const PARTIAL = '.partial-';
const PREFIX = 'environment-';

/** The interpreter inside a virtual environment. */
export function interpreterOf(environment: string): string {
  return process.platform === 'win32'
    ? path.join(environment, 'Scripts', 'python.exe')
    : path.join(environment, 'bin', 'python');
}

/** The wheel that the extension carries, null where it carries none. */
export async function carriedWheel(extensionFolder: string): Promise<string | null> {
  const folder = path.join(extensionFolder, 'wheel');
  const names = await listed(folder);
  const wheel = names.filter((name) => name.endsWith('.whl')).sort().at(-1);
  return wheel === undefined ? null : path.join(folder, wheel);
}

/** Where the environment for a wheel belongs; another wheel of the same version has another. */
export async function folderFor(storage: string, wheel: string): Promise<string> {
  const sum = createHash('sha256').update(await fs.readFile(wheel)).digest('hex').slice(0, 12);
  const version = path.basename(wheel).split('-')[1] ?? 'unknown';
  return path.join(storage, `${PREFIX}${version}-${sum}`);
}

/** Complete environments, the newest first. */
export async function installed(storage: string): Promise<readonly string[]> {
  const folders = (await listed(storage)).filter((name) => name.startsWith(PREFIX));
  const dated = await Promise.all(
    folders.map(async (name) => {
      const folder = path.join(storage, name);
      const found = await fs.stat(interpreterOf(folder)).catch(() => null);
      const made = await fs.stat(folder).catch(() => null);
      return found === null || made === null ? null : { folder, at: made.mtimeMs };
    }),
  );
  return dated
    .filter((each) => each !== null)
    .sort((a, b) => b.at - a.at)
    .map((each) => each.folder);
}

/** A folder to install into before it is put in place; its name tells which process owns it. */
export function partialFor(storage: string): string {
  return path.join(storage, `${PARTIAL}${process.pid}-${Date.now()}`);
}

/** Remove what installs that were cut off left behind, and environments of other wheels. */
export async function cleanUp(storage: string, keep: string | null): Promise<void> {
  for (const name of await listed(storage)) {
    const owner = Number(new RegExp(`^\\${PARTIAL}(\\d+)-`).exec(name)?.[1] ?? NaN);
    const abandoned = !Number.isNaN(owner) && (owner === process.pid || !isAlive(owner));
    const old = keep !== null && name.startsWith(PREFIX) && name !== path.basename(keep);
    if (abandoned || old) {
      await remove(path.join(storage, name));
    }
  }
}

/** Delete a folder with all in it; files that another process holds open are tried again. */
export async function remove(folder: string): Promise<void> {
  await fs.rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

async function listed(folder: string): Promise<readonly string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
