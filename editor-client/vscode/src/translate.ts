// "Translate to": the selection or the document in another language, as a document of its own.

import * as vscode from 'vscode';
import type { NewDocument } from './answers';
import { placeOf } from './place';
import type { Server } from './server';

/** What the server translates to, likeliest first; see assists/translate.py there. */
export const TARGETS: readonly (readonly [string, string])[] = [
  ['python', 'Python'],
  ['javascript', 'JavaScript'],
  ['typescript', 'TypeScript'],
  ['java', 'Java'],
  ['cpp', 'C++'],
  ['c', 'C'],
  ['go', 'Go'],
  ['rust', 'Rust'],
  ['csharp', 'C#'],
  ['shellscript', 'Shell'],
];

export async function translate(server: Server): Promise<void> {
  const place = await placeOf(server);
  if (place === undefined) {
    return;
  }
  const items = TARGETS.filter(([id]) => id !== place.document.languageId).map(([id, label]) => ({
    label,
    id,
  }));
  const title = vscode.l10n.t('Translate to which language?');
  const chosen = await vscode.window.showQuickPick(items, { title });
  if (chosen === undefined) {
    return;
  }
  // A document with a folder gets a file beside it, another one an untitled document.
  const hasFolder = place.document.uri.scheme === 'file';
  const answer = await server.ask<NewDocument>('tabwright.translate', {
    ...place.argument,
    target: chosen.id,
    apply: hasFolder,
  });
  if (!answer.applied && answer.text !== '') {
    const language = answer.languageId || chosen.id;
    const made = await vscode.workspace.openTextDocument({ language, content: answer.text });
    await vscode.window.showTextDocument(made);
  }
}
