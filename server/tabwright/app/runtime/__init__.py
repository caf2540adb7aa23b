"""The state between requests: the engine's runtime, pulls, notices and background tasks."""
