// The extension is active, has all the commands that it names, and says how the server is.

import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { ask, ready, until, type Status, type Tests } from './window';

interface Contributed {
  readonly commands: readonly { readonly command: string }[];
}

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension('tabwright.tabwright');
  assert.ok(found, 'the extension is installed');
  return found;
}

export const tests: Tests = {
  'the extension becomes active by itself': async () => {
    await until('it is active', () => extension().isActive);
    await ready();
  },

  'every command of package.json is registered': async () => {
    const named = (extension().packageJSON as { contributes: Contributed }).contributes.commands;
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.ok(named.length > 15, `${named.length} commands`);
    assert.deepEqual(named.map((each) => each.command).filter((each) => !registered.has(each)), []);
  },

  'the status names the model and the process': async () => {
    const status = await ready();
    assert.equal(status.model, 'qwen2.5-coder-0.5b');
    process.kill(status.pid, 0); // throws where there is no such process
  },

  'a restart by command gives another server': async () => {
    const { pid } = await ready();
    await vscode.commands.executeCommand('tabwright.restartServer');
    assert.notEqual((await ready()).pid, pid);
    await until('the old one has ended', () => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    });
    assert.equal(typeof (await ask<Status>('status')).requests, 'number');
  },
};
