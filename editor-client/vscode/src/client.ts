// Makes the language client: what it listens to, what passes it, and what happens when it dies.

import * as vscode from 'vscode';
import {
  CloseAction,
  DidChangeConfigurationNotification,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  TransportKind,
  type ConfigurationParams,
  type LanguageClientOptions,
} from 'vscode-languageclient/node';
import type { LateAnswers } from './late';
import type { ServerProgram } from './locate';
import { forServer, initialOptions, SECTION } from './settings';

/** Schemes whose documents are code that somebody writes. */
export const SCHEMES = ['file', 'untitled', 'vscode-notebook-cell', 'vscode-vfs'];

export interface ClientHooks {
  readonly late: LateAnswers;
  /** The context to ask with in place of the editor's. */
  readonly contextOf: (given: vscode.InlineCompletionContext) => vscode.InlineCompletionContext;
  /** Whether suggestions are wanted now; those asked for by hand always are. */
  readonly wantsSuggestions: () => boolean;
  /** Count work that the user waits for; the result ends it. */
  readonly begin: () => vscode.Disposable;
  /** So many suggestions came for a document; `hiddenBy` is the word of the editor's list that hides them. */
  readonly answered: (document: vscode.TextDocument, count: number, hiddenBy: string) => void;
  /** The server is gone, and this client with it. */
  readonly ended: () => void;
}

/** Writes to the log what the library would show; what the user is to know we say ourselves. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export function makeClient(
  program: ServerProgram,
  folder: string,
  log: vscode.LogOutputChannel,
  hooks: ClientHooks,
): LanguageClient {
  const executable = {
    command: program.command,
    args: [...program.args, 'serve'],
    transport: TransportKind.stdio,
    // Not the workspace: nothing in it may be taken for a module of the server's.
    options: { cwd: folder },
  };
  const client: LanguageClient = new QuietClient(
    SECTION,
    'Tabwright',
    { run: executable, debug: executable },
    options(log, hooks, () => client),
  );
  return client;
}

function options(
  log: vscode.LogOutputChannel,
  hooks: ClientHooks,
  client: () => LanguageClient,
): LanguageClientOptions {
  const during = async <T>(work: () => PromiseLike<T> | T): Promise<T> => {
    const working = hooks.begin();
    try {
      return await work();
    } finally {
      working.dispose();
    }
  };
  return {
    documentSelector: SCHEMES.map((scheme) => ({ scheme })),
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationOptions: () => initialOptions(),
    errorHandler: {
      // A message that cannot be read or written: logged; the server is only given up when it dies.
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      // Not the library's restart: of a server that dies while it starts it tells in three messages,
      // and may end the next one for it.
      closed: () => {
        hooks.ended();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    // Without it the library shows the failure; our own message comes when no start helps.
    initializationFailedHandler: () => false,
    middleware: {
      provideInlineCompletionItems: async (document, position, given, token, next) => {
        const context = hooks.contextOf(given);
        const byHand = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
        if (!byHand && !hooks.wantsSuggestions()) {
          return [];
        }
        const found = await during(() => hooks.late.ask(document, position, context, token, next));
        if (!token.isCancellationRequested) {
          const items = (Array.isArray(found) ? found : found?.items) ?? [];
          const selected = context.selectedCompletionInfo;
          const hidden = selected !== undefined && !items.some((item) => extendsWord(document, item, selected));
          hooks.answered(document, items.length, hidden ? selected.text : '');
        }
        return found;
      },
      resolveCodeAction: (item, token, next) => during(() => next(item, token)),
      executeCommand: (command, args, next) => during(() => next(command, args)),
      workspace: {
        configuration: (params, token, next) =>
          configuration(params, () => next(params, token) as unknown[] | Promise<unknown[]>),
        // The server asks for the section when it hears that something in it changed.
        didChangeConfiguration: () => tellChange(client()),
      },
    },
  };
}

/** Whether a suggestion goes on from what is selected in the editor's list; others are not shown. */
function extendsWord(
  document: vscode.TextDocument,
  item: vscode.InlineCompletionItem,
  selected: vscode.SelectedCompletionInfo,
): boolean {
  const before = (at: vscode.Position): string => document.getText(new vscode.Range(at.with({ character: 0 }), at));
  const text = typeof item.insertText === 'string' ? item.insertText : item.insertText.value;
  const start = item.range?.start ?? selected.range.end;
  return (before(start) + text).startsWith(before(selected.range.start) + selected.text);
}

/** Have the server ask for its settings anew. */
export async function tellChange(client: LanguageClient): Promise<void> {
  await client.sendNotification(DidChangeConfigurationNotification.type, { settings: null });
}

async function configuration(
  params: ConfigurationParams,
  next: () => unknown[] | Promise<unknown[]>,
): Promise<unknown[]> {
  const found = await next();
  return params.items.map((item, index) => (item.section === SECTION ? forServer() : found[index]));
}
