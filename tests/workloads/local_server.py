"""A server on loopback, in threads of this process, that answers JSON."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, bytes, dict[str, str]]
"""Status, body, and headers beside the usual ones."""


@contextmanager
def serve(
    answer: Callable[[BaseHTTPRequestHandler, dict[str, Any] | None], Reply | None], port: int = 0
) -> Iterator[str]:
    """Serve, and yield the address; what is posted is given, and who answers None closes without a word."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._say(answer(self, None))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._say(answer(self, json.loads(self.rfile.read(length))))

        def _say(self, reply: Reply | None) -> None:
            self.close_connection = True
            if reply is None:
                self.connection.close()
                return
            status, payload, headers = reply
            self.send_response(status)
            sent = {
                "Content-Type": "application/json", "Connection": "close",
                "Content-Length": str(len(payload)), **headers,
            }  # fmt: skip
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/v1"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def refused(body: dict[str, Any]) -> bool:
    """Tell whether a plain completions server has no such option."""
    return any(body.get(name) for name in ("stream", "logprobs", "echo"))


def completion(model: str, text: str, words: int, n: int, finish: str = "length") -> dict[str, Any]:
    """What a plain completions server says, which gives one text so many times."""
    choice = {"text": text, "finish_reason": finish, "logprobs": None}
    return {
        "id": "x", "object": "text_completion", "created": 0, "model": model,
        "choices": [{"index": i, **choice} for i in range(n)],
        "usage": {"prompt_tokens": 9, "completion_tokens": n * words, "total_tokens": 0},
    }  # fmt: skip


def models(name: str) -> Reply:
    """What it says that it serves."""
    listed = {"object": "list", "data": [{"id": name, "object": "model"}]}
    return 200, json.dumps(listed).encode(), {}
