// The settings as the server is to see them: those of the extension alone are left out.

import * as vscode from 'vscode';

export const SECTION = 'tabwright';
const OWN = 'server';

type Json = Record<string, unknown>;

/**
 * Section `tabwright` for the server. Every setting that decides what is executed, loaded or sent is of
 * machine scope in package.json, so none of them comes from the workspace.
 */
export function forServer(isTrusted: boolean = vscode.workspace.isTrusted): Json {
  const section = vscode.workspace.getConfiguration().get<Json>(SECTION) ?? {};
  const plain = JSON.parse(JSON.stringify(section)) as Json;
  delete plain[OWN];
  plain['privacy'] = { ...(plain['privacy'] as Json), deny: everyDenial() };
  if (!isTrusted) {
    plain['checks'] = { ...(plain['checks'] as Json), runExamples: false };
  }
  return plain;
}

/** What the server gets with `initialize`: the settings, and whom they and the workspace come from. */
export function initialOptions(isTrusted: boolean = vscode.workspace.isTrusted): Json {
  return { [SECTION]: forServer(isTrusted), trust: { settings: 'separate', workspace: isTrusted } };
}

/** `privacy.deny`: the user's patterns, and behind them those of the workspace, which may only deny more. */
function everyDenial(): readonly string[] {
  const found = vscode.workspace.getConfiguration(SECTION).inspect<unknown>('privacy.deny');
  const own = texts(found?.globalValue ?? found?.defaultValue);
  const added = [...texts(found?.workspaceValue), ...texts(found?.workspaceFolderValue)];
  // A pattern that begins with "!" would allow what the user denies.
  return [...own, ...added.filter((each) => !each.startsWith('!'))];
}

export interface OwnSettings {
  readonly command: readonly string[];
  readonly python: string;
  readonly pipArguments: readonly string[];
}

/** What the extension itself needs; values of a wrong type count as not set. */
export function own(): OwnSettings {
  const section = vscode.workspace.getConfiguration(`${SECTION}.${OWN}`);
  const python = section.get<unknown>('python');
  return {
    command: texts(section.get<unknown>('command')),
    python: typeof python === 'string' ? python.trim() : '',
    pipArguments: texts(section.get<unknown>('pipArguments')),
  };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : [];
}

/** What is read only when the server starts, as one text; not all that an event names has changed. */
export function startValues(): string {
  const section = vscode.workspace.getConfiguration(SECTION);
  const { command, python } = own();
  return JSON.stringify([command, python, section.get('completion.menu'), section.get('modelsDirectory')]);
}

/** Whether suggestions are wanted at all. */
export function isEnabled(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get<boolean>('enabled', true);
}

/** Whether a language is switched on, as the server reads it. */
export function isOn(languageId: string): boolean {
  const section = vscode.workspace.getConfiguration(SECTION);
  const languages = section.get<Record<string, boolean>>('languages') ?? {};
  return isEnabled() && (languages[languageId] ?? languages['*'] ?? true);
}
