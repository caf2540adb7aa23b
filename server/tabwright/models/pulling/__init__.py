"""Fetching a model: sources, checksums, progress."""
