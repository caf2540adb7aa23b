// A small extension that reports diagnostics as a linter's extension would, but runs no linter.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXTENSION } from './folders.mjs';

const MANIFEST = {
  name: 'linter',
  publisher: 'test',
  version: '0.0.1',
  engines: { vscode: '^1.91.0' },
  main: './main.js',
  activationEvents: ['onStartupFinished'],
  capabilities: { untrustedWorkspaces: { supported: true } },
};

/** Reports `message` of `source` wherever a document holds `text`. */
function main({ text, message, source }) {
  const vscode = require('vscode');
  const found = vscode.languages.createDiagnosticCollection(source);
  const report = (document) => {
    const at = document.getText().indexOf(text);
    const range = new vscode.Range(document.positionAt(at), document.positionAt(at + text.length));
    const diagnostic = new vscode.Diagnostic(range, message);
    diagnostic.source = source;
    found.set(document.uri, at < 0 ? [] : [diagnostic]);
  };
  vscode.workspace.onDidOpenTextDocument(report);
  vscode.workspace.onDidChangeTextDocument((event) => report(event.document));
  vscode.workspace.textDocuments.forEach(report);
}

/** Make its package in a folder; the path of the package. */
export function makeLinter(folder, reported) {
  return makeExtension(folder, main, reported);
}

/** Make the package of an extension that calls `activate` with `options` when VS Code has started. */
export function makeExtension(folder, activate, options) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(MANIFEST));
  writeFileSync(path.join(folder, 'main.js'), `exports.activate = () => (${activate})(${JSON.stringify(options)});\n`);
  writeFileSync(path.join(folder, 'README.md'), 'A linter for the tests.\n');
  const made = path.join(folder, 'linter.vsix');
  const vsce = path.join(EXTENSION, 'node_modules', '@vscode', 'vsce', 'vsce');
  const quiet = ['--no-dependencies', '--allow-missing-repository', '--skip-license', '--allow-star-activation'];
  execFileSync(process.execPath, [vsce, 'package', '--out', made, ...quiet], { cwd: folder, stdio: 'pipe' });
  return made;
}
