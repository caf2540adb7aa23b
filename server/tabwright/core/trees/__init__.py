"""The syntax tree of a document, and what other packages ask it; offsets count in ``str``."""
