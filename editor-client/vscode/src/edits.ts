// Text with edits made to it, without touching the document.

export interface Place {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The text after all edits, whose offsets are those of the text before any. */
export function withEdits(text: string, edits: readonly Place[]): string {
  let after = text;
  for (const edit of [...edits].sort((a, b) => b.start - a.start || b.end - a.end)) {
    after = after.slice(0, edit.start) + edit.text + after.slice(edit.end);
  }
  return after;
}
