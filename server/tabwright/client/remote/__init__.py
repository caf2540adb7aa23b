"""An engine that the user names."""
