"""The transport: framing, JSON-RPC, stdio and TCP, and the server's start and end."""
