// What of VS Code's interface the tested modules use, with settings that a test puts in.

type Json = Record<string, unknown>;

export class EventEmitter<T> {
  private readonly listeners: ((value: T) => void)[] = [];
  readonly event = (listener: (value: T) => void): { dispose: () => void } => {
    this.listeners.push(listener);
    return { dispose: () => {} };
  };
  fire(value: T): void {
    this.listeners.forEach((listener) => listener(value));
  }
  dispose(): void {}
}

interface Editor {
  readonly document: object;
  readonly selection: { readonly isEmpty: boolean; readonly active: object };
}

interface Stub {
  settings: Json;
  /** What `inspect` tells of each layer of a setting, by the setting's full name. */
  layers: Record<string, Json>;
  trusted: boolean;
  editor: Editor | undefined;
  executed: string[];
}

/** `editor` is the active one; `executed` are the commands that were run, oldest first. */
export const stub: Stub = {
  settings: {},
  layers: {},
  trusted: true,
  editor: undefined,
  executed: [],
};
/** A document was typed in. */
export const typed = new EventEmitter<{ document: object; contentChanges: object[] }>();
const never = (): { dispose: () => void } => ({ dispose: () => {} });

function at(section: string): unknown {
  const parts = section === '' ? [] : section.split('.');
  return parts.reduce<unknown>((value, part) => (value as Json | undefined)?.[part], stub.settings);
}

export const workspace = {
  onDidChangeTextDocument: typed.event,
  get isTrusted(): boolean {
    return stub.trusted;
  },
  getConfiguration: (prefix = '') => ({
    get: (name: string, otherwise?: unknown): unknown => at(prefix === '' ? name : `${prefix}.${name}`) ?? otherwise,
    inspect: (name: string): Json | undefined => stub.layers[prefix === '' ? name : `${prefix}.${name}`],
  }),
};

export class CancellationTokenSource {
  private readonly cancelled = new EventEmitter<void>();
  readonly token = { isCancellationRequested: false, onCancellationRequested: this.cancelled.event };
  cancel(): void {
    this.token.isCancellationRequested = true;
    this.cancelled.fire();
  }
}

export enum InlineCompletionTriggerKind {
  Invoke = 0,
  Automatic = 1,
}

export const Disposable = { from: never };

export const window = {
  state: { focused: true },
  onDidChangeTextEditorSelection: never,
  onDidChangeActiveTextEditor: never,
  onDidChangeWindowState: never,
  get activeTextEditor(): Editor | undefined {
    return stub.editor;
  },
};

export const commands = {
  executeCommand: async (command: string): Promise<void> => void stub.executed.push(command),
};
