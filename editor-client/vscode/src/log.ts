// The log that "Show Log" opens: what the extension does and what the server says on stderr.

import * as vscode from 'vscode';

export function createLog(): vscode.LogOutputChannel {
  return vscode.window.createOutputChannel('Tabwright', { log: true });
}
