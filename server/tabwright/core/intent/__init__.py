"""Find and parse requests for code: comments, TODOs, docstrings and stubs."""
