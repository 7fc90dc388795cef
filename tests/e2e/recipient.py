"""A recipient that is no counterpart of ours: Python's own HTTP server, which writes down what it is sent."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Pushed:
    """A push as it came; header names in lower case."""

    target: str
    headers: Mapping[str, str]
    body: bytes


class Recipient:
    """Takes pushes and answers each with 503."""

    def __init__(self, port: int, arrived: queue.Queue[Pushed]) -> None:
        self.url = f"http://127.0.0.1:{port}/in?by=push"
        self._arrived = arrived

    def take(self, within: float = 20.0) -> Pushed:
        """The next push."""
        return self._arrived.get(timeout=within)


@contextmanager
def listen() -> Iterator[Recipient]:
    """A recipient on a free port."""
    arrived: queue.Queue[Pushed] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.put(Pushed(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield Recipient(server.server_port, arrived)
        server.shutdown()
        thread.join()
