"""Find the examples in docstrings, run them in the sandbox, and compare their results."""
