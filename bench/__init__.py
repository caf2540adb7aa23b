"""Benchmarks: ``quality`` (public sets) and ``speed`` (replayed typing, side by side)."""
