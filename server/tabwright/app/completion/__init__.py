"""Inline completion: the requests of one document, and what is computed before one comes."""
