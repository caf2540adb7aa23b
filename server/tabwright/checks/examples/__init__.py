"""Examples in docstrings: found, run in the sandbox, judged."""
