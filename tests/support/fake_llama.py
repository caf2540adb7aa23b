"""A server that answers as llama-server does, the same whatever is asked."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

Asked = list[tuple[str, dict[str, Any]]]


@contextlib.contextmanager
def serving(timings: Mapping[str, float]) -> Iterator[tuple[str, Asked]]:
    """Its HOST:PORT, and the path and body of each question; ``timings`` go with every answer."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            settings = {"default_generation_settings": {"n_ctx": 8192}, "total_slots": 4}
            self._send(settings | {"build_info": "b1-abc"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, body))
            self._send({"content": "x + 1", "timings": dict(timings)})

        def _send(self, answer: object) -> None:
            payload = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
