import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type * as vscode from 'vscode';
import type { Status } from '../../src/answers';
import type { Server } from '../../src/server';
import { Watch } from '../../src/watch';

/** A server that says one state after the other, the last one for ever; and how often it was asked. */
function saying(...states: Status['state'][]): { server: Server; asked: () => number } {
  let asked = 0;
  const ask = async (): Promise<Partial<Status>> => {
    asked += 1;
    return { state: states.length > 1 ? states.shift() : states[0], pulling: [] } as Partial<Status>;
  };
  const onDidChange = (): object => ({ dispose: () => {} });
  return { server: { life: 'running', onDidChange, ask } as unknown as Server, asked: () => asked };
}

async function pass(seconds: number): Promise<void> {
  for (let tenths = 0; tenths < seconds * 10; tenths += 1) {
    mock.timers.tick(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a model that the server itself was told to pull is seen when it is ready; then nobody asks', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    // The user takes his time with the server's question, and pulling goes on without a word of it.
    const { server, asked } = saying('loading', 'no model', 'no model', 'no model', 'ready');
    const watch = new Watch(server, { debug: () => {} } as unknown as vscode.LogOutputChannel);
    watch.touch();
    await pass(30);
    assert.equal(watch.status?.state, 'ready');
    const before = asked();
    await pass(30);
    assert.equal(asked(), before);
  } finally {
    mock.timers.reset();
  }
});
