"""The completions API: connections, access, requests and answers."""
