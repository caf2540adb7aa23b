"""Detect what must not be sent or shown: keys, hidden characters, links."""
