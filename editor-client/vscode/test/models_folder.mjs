// Where the default model is.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { PYTHON } from './folders.mjs';

/** The folder that has the 0.5B model, "" where none has. */
export function modelsFolder() {
  try {
    const args = ['-m', 'tabwright', 'models', 'path', 'qwen2.5-coder-0.5b'];
    return path.dirname(execFileSync(PYTHON, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim());
  } catch {
    return '';
  }
}
