// Where a command is meant to act: the active editor's document and selection, for the server.

import * as vscode from 'vscode';
import { nothingOpen } from './edit';
import { PAGE, PREVIEW } from './pages';
import type { Server } from './server';

export interface Place {
  readonly document: vscode.TextDocument;
  readonly argument: object;
}

/** The selection, or the whole document where nothing is selected; says so where none is open. */
export async function placeOf(server: Server): Promise<Place | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || [PAGE, PREVIEW].includes(editor.document.uri.scheme)) {
    await nothingOpen();
    return undefined;
  }
  const { document, selection } = editor;
  const convert = server.running().code2ProtocolConverter;
  const range = selection.isEmpty ? {} : { range: convert.asRange(selection) };
  const argument = { uri: convert.asUri(document.uri), version: document.version, ...range };
  return { document, argument };
}
