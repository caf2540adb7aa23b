"""Analyse code without an index: functions, comments, blocks, names, brackets."""
