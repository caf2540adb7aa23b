// An engine that answers by a script, at a loopback address: no model is needed.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { PYTHON, ROOT } from './folders.mjs';
import { until } from './waiting.mjs';

export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class ScriptedEngine {
  /** Serve a script at `url`, and on `socket` too where one is named: as the user's own engine. */
  static async start(home, script, socket = '') {
    const engine = new ScriptedEngine();
    const file = path.join(home.path, 'script.json');
    writeFileSync(file, JSON.stringify(script));
    const port = await freePort();
    engine.url = `http://127.0.0.1:${port}`;
    engine.process = spawn(
      PYTHON,
      [path.join(ROOT, 'tests', 'support', 'scripted_engine.py'), '--tcp', `127.0.0.1:${port}`, '--script', file, ...(socket ? ['--socket', socket] : [])],
      { stdio: process.env.TABWRIGHT_TEST_VERBOSE ? 'inherit' : 'ignore', env: { ...process.env, PYTHONPATH: path.join(ROOT, 'tests') } },
    );
    await until('the scripted engine answers', async () => (await fetch(`${engine.url}/v1/models`)).ok);
    return engine;
  }

  /** Replace the script. */
  async script(script) {
    await fetch(`${this.url}/script`, { method: 'POST', body: JSON.stringify(script) });
  }

  /** What was asked, oldest first. */
  async recorded() {
    return (await (await fetch(`${this.url}/recorded`)).json()).requests;
  }

  stop() {
    this.process.kill('SIGKILL');
  }
}
