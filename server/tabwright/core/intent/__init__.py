"""What a comment, a docstring, a TODO or a stub asks for."""
