"""Acceptance of suggestions, and the report on the last request."""
