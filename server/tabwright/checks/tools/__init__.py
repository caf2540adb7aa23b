"""Find linters and type checkers, run them, and compare what they report before and after."""
