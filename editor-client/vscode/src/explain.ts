// "Explain": what the selection or the document does, as a page beside it.

import * as vscode from 'vscode';
import type { Explained } from './answers';
import type { Pages } from './pages';
import { placeOf } from './place';
import type { Server } from './server';

export async function explain(server: Server, pages: Pages): Promise<void> {
  const place = await placeOf(server);
  if (place === undefined) {
    return;
  }
  const answer = await server.ask<Explained>('tabwright.explain', place.argument);
  // Without an explanation the server has said why.
  if (answer.markdown !== '') {
    const name = place.document.uri.path.split('/').at(-1) ?? '';
    await pages.showMarkdown(vscode.l10n.t('Explanation of {0}', name), answer.markdown);
  }
}
