"""From a fetched file to what the engine loads."""
