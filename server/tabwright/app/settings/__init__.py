"""The settings: what they are, where they come from, which are in force."""
