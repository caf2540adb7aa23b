// Runs in the extension host of a real VS Code, which calls `run`: each test in turn, its outcome as a
// line of the console that test/host.test.mjs reads.

import { tests as actions } from './actions';
import { tests as commands } from './commands';
import { tests as completion } from './completion';
import { tests as settings } from './settings';
import type { Tests } from './window';

const TESTS: Tests = { ...commands, ...completion, ...actions, ...settings };
const MARK = 'tabwright-test ';

export async function run(): Promise<void> {
  let failed = 0;
  for (const [name, test] of Object.entries(TESTS)) {
    const began = Date.now();
    let error = '';
    try {
      await test();
    } catch (found) {
      failed += 1;
      error = found instanceof Error ? (found.stack ?? found.message) : String(found);
    }
    console.log(MARK + JSON.stringify({ name, error, ms: Date.now() - began }));
  }
  if (failed > 0) {
    throw new Error(`${failed} of ${Object.keys(TESTS).length} tests failed`);
  }
}
