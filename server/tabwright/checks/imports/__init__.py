"""Import lines: put in place, and found where an edit forgot them."""
