"""Pure text work: snapshots, context, prompts and filters. Standard library only."""
