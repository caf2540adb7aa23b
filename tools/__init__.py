"""What makes the documentation; nothing of it is installed with the server."""
