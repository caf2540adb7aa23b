"""Download a model: sources, checksums, progress."""
