"""From a document and a cursor to a prompt."""
