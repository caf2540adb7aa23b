// The settings as the server is to see them: those of the extension alone are left out.

import * as vscode from 'vscode';

export const SECTION = 'tabwright';
const OWN = 'server';

type Json = Record<string, unknown>;

/** What the user and the workspace had set as the server started; it keeps these beside what comes later. */
let atStart: unknown;

/**
 * Section `tabwright` for the server: what is set, without VS Code's defaults, which would be in the way of
 * the user's own file (`tabwright config`). Every setting that decides what is executed, loaded or sent is of
 * machine scope in package.json, so none of them comes from the workspace.
 */
export function forServer(isTrusted: boolean = vscode.workspace.isTrusted): Json {
  const section = vscode.workspace.getConfiguration().get<Json>(SECTION) ?? {};
  // What was set at the start and is no more goes with its default.
  const plain = setIn(JSON.parse(JSON.stringify(section)), [...layers(), atStart]) as Json;
  delete plain[OWN];
  const privacy = plain['privacy'] as Json | undefined;
  if (privacy?.['deny'] !== undefined) {
    privacy['deny'] = everyDenial();
  }
  if (!isTrusted) {
    plain['checks'] = { ...(plain['checks'] as Json), runExamples: false };
  }
  return plain;
}

/** What the server gets with `initialize`: the settings, and whom they and the workspace come from. */
export function initialOptions(isTrusted: boolean = vscode.workspace.isTrusted): Json {
  atStart = undefined;
  const settings = forServer(isTrusted);
  atStart = JSON.parse(JSON.stringify(settings));
  return { [SECTION]: settings, trust: { settings: 'separate', workspace: isTrusted } };
}

/** Every layer of the section but the defaults. */
function layers(): readonly unknown[] {
  const found = vscode.workspace.getConfiguration().inspect<unknown>(SECTION);
  return [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue];
}

/** What of a value is set in one of the layers. */
function setIn(value: unknown, given: readonly unknown[]): unknown {
  const objects = given.filter(isObject);
  if (!isObject(value) || objects.length === 0) {
    return isObject(value) ? {} : value;
  }
  const kept: Json = {};
  for (const [name, inner] of Object.entries(value)) {
    const below = objects.filter((each) => name in each).map((each) => each[name]);
    if (below.length > 0) {
      kept[name] = isObject(inner) ? setIn(inner, below) : inner;
    }
  }
  return kept;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
