"""Pure text processing: snapshots, context, prompts, filters. Standard library only."""
