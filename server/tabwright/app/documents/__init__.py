"""Open documents: their text, and what about a file may be used."""
