// One word for how Tabwright is, from all that bears on it; the status bar and the menu show it.

import type { Status } from './answers';
import type { Life } from './server';

export type State =
  | 'installing'
  | 'missing'
  | 'error'
  | 'off'
  | 'snoozed'
  | 'pulling'
  | 'no model'
  | 'loading'
  | 'working'
  | 'ready';

export interface Facts {
  readonly life: Life;
  readonly status: Status | null;
  readonly installing: boolean;
  /** Whether the settings want suggestions in the active editor. */
  readonly on: boolean;
  readonly snoozed: boolean;
  readonly working: boolean;
}

/** The first that holds, the ones that need the user's attention before the others. */
export function stateOf(facts: Facts): State {
  const { life, status } = facts;
  if (facts.installing) {
    return 'installing';
  }
  if (life === 'missing') {
    return 'missing';
  }
  if (life === 'dead' || status?.state === 'failed') {
    return 'error';
  }
  if (!facts.on || life === 'stopped') {
    return 'off';
  }
  if (facts.snoozed) {
    return 'snoozed';
  }
  if (status !== null && status.pulling.includes(status.model)) {
    return 'pulling';
  }
  if (status?.state === 'no model') {
    return 'no model';
  }
  if (status?.state !== 'ready') {
    return 'loading';
  }
  return facts.working ? 'working' : 'ready';
}
