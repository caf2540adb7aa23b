"""Asks an engine, local or remote, and keeps what it answered."""
