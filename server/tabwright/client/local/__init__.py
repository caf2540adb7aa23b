"""The local engine process: find, start and watch it."""
