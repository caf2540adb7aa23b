"""black, and all that makes a candidate fit its document."""
