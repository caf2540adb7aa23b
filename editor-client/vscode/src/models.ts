// Choosing a model and pulling it; the list comes from the server's own command.

import * as vscode from 'vscode';
import type { Pulled, Status } from './answers';
import { ownEnvironment, run } from './processes';
import type { Server } from './server';
import { SECTION } from './settings';

const LIST_MS = 30_000;

interface Row {
  readonly name: string;
  readonly state: string;
  readonly roles: string;
  readonly download: string;
  readonly licence: string;
}

export async function chooseModel(server: Server, status: Status | null): Promise<void> {
  const { l10n } = vscode;
  const rows = await list(server);
  const other = l10n.t('Another…');
  const items = [
    ...rows.map((row) => ({
      label: `${row.name === status?.model ? '$(check) ' : ''}${row.name}`,
      description: [row.state === 'ready' ? l10n.t('on this machine') : l10n.t(row.state), row.download]
        .filter((part) => part !== '')
        .join(', '),
      detail: row.licence,
      name: row.name,
    })),
    { label: other, detail: l10n.t('org/name of the model hub, or the path of a folder or .gguf file'), name: '' },
  ];
  const chosen = await vscode.window.showQuickPick(items, {
    title: l10n.t('Which model is to complete code?'),
    matchOnDescription: true,
  });
  const name = chosen?.label === other ? await askName() : chosen?.name;
  if (name === undefined || name === '') {
    return;
  }
  await vscode.workspace.getConfiguration(SECTION).update('model', name, vscode.ConfigurationTarget.Global);
  const here = rows.some((row) => row.name === name && row.state === 'ready');
  if (!here) {
    await server.ask<Pulled>('tabwright.pull', { model: name });
  }
}

/** Pull the model of the settings; the server shows the progress and how it ended. */
export async function pullModel(server: Server): Promise<void> {
  await server.ask<Pulled>('tabwright.pull');
}

async function list(server: Server): Promise<readonly Row[]> {
  const program = server.program;
  if (program === null) {
    return [];
  }
  const title = vscode.l10n.t('Tabwright: looking for models');
  const directory = vscode.workspace.getConfiguration(SECTION).get<string>('modelsDirectory', '');
  const env = { ...ownEnvironment(), ...(directory === '' ? {} : { TABWRIGHT_MODELS_DIR: directory }) };
  const ran = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, () =>
    run(program.command, [...program.args, 'models', 'list', '--json'], {
      cwd: server.storage,
      env,
      timeoutMs: LIST_MS,
    }),
  );
  if (ran.code !== 0) {
    throw new Error(
      vscode.l10n.t('The list of models cannot be had: {0}', ran.failure || ran.stderr.trim() || String(ran.code)),
    );
  }
  return JSON.parse(ran.stdout) as readonly Row[];
}

async function askName(): Promise<string | undefined> {
  const typed = await vscode.window.showInputBox({
    title: vscode.l10n.t('Model'),
    prompt: vscode.l10n.t('org/name of the model hub, or the path of a folder or .gguf file'),
  });
  return typed?.trim();
}
