"""Linters and type checkers: which are there, how each is run, what it reports."""
