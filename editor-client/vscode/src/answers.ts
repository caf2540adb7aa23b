// What the server answers to commands; see action_commands.py, host.py and last_request.py there.

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly state: 'off' | 'starting' | 'loading' | 'ready' | 'no model' | 'failed';
  readonly model: string;
  readonly remote: string | null;
  readonly problem: string | null;
  readonly pulling: readonly string[];
  readonly last_ms: number | null;
  readonly requests: number;
  readonly no_model_share: number | null;
}

export interface Why {
  readonly reason: string;
  readonly detail: string;
  readonly source: string;
  readonly uri?: string;
  readonly position?: { readonly line: number; readonly character: number };
  readonly ms?: number;
  readonly shown?: number;
  readonly prompt_tokens?: number | null;
  readonly completion_tokens?: number | null;
  readonly reused_tokens?: number | null;
  readonly computed_tokens?: number | null;
  readonly queue_ms?: number | null;
  readonly prefill_ms?: number | null;
  readonly decode_ms?: number | null;
  readonly action: {
    readonly title: string;
    readonly reason: string;
    readonly faults: readonly string[];
    readonly ms: number;
  } | null;
}

/** An edit, or the reason why there is none. */
export interface Edited {
  readonly edit: import('vscode-languageclient').WorkspaceEdit | null;
  readonly text: string;
  readonly title?: string;
  readonly faults: readonly string[];
  readonly version?: number;
  readonly applied: boolean;
  readonly reason: string;
}

export interface NewDocument extends Edited {
  readonly uri?: string;
  readonly name?: string;
  readonly languageId?: string;
}

export interface Explained {
  readonly markdown: string;
  readonly reason: string;
}

export interface Pulled {
  readonly ok: boolean;
  readonly message: string;
}

/** Counts of suggestions; shares are from 0 to 1, null where nothing is known. */
export interface Figures {
  readonly shown: number;
  readonly accepted: number;
  readonly partly: number;
  readonly accepted_share: number | null;
  readonly kept_30s: number | null;
  readonly kept_5min: number | null;
  readonly characters: number;
  readonly actions: number;
  readonly p50_ms: number | null;
  readonly p95_ms: number | null;
}

export interface Statistics {
  readonly enabled: boolean;
  readonly file: string;
  readonly problem?: string;
  readonly since?: string;
  readonly total?: Figures;
  readonly languages?: Readonly<Record<string, Figures>>;
  readonly days?: Readonly<Record<string, Figures>>;
}
