"""Drafts: where they come from and how many pay."""
