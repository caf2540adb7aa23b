"""Speculative decoding: sources of drafts, and how many tokens to draft."""
