"""The engine on this machine: found, started, watched."""
