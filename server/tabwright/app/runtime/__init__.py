"""The state between requests, the engine as seen from here, and what the user is told."""
