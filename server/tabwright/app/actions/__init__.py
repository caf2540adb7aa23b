"""Code actions: what is offered, the search for a candidate, follow-up edits."""
