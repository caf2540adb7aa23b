// What of VS Code's interface the tested modules use, with settings that a test puts in.

type Json = Record<string, unknown>;

export const stub: { settings: Json; trusted: boolean } = { settings: {}, trusted: true };

function at(section: string): unknown {
  const parts = section === '' ? [] : section.split('.');
  return parts.reduce<unknown>((value, part) => (value as Json | undefined)?.[part], stub.settings);
}

export const workspace = {
  get isTrusted(): boolean {
    return stub.trusted;
  },
  getConfiguration: (prefix = '') => ({
    get: (name: string, otherwise?: unknown): unknown => at(prefix === '' ? name : `${prefix}.${name}`) ?? otherwise,
  }),
};

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

export const commands = { executeCommand: async (): Promise<void> => {} };
