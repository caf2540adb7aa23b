"""Bytes to messages and back: framing, JSON-RPC, stdio, TCP, the server's start and end."""
