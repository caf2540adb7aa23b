"""The server's messages in the language of the client."""
