"""The server of the guides, planted on loopback: it adds up a question's numbers, as completions and in a chat."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.workloads import local_server

NAMED = "127.0.0.1:8000"
"""Where the pages have it."""
MODEL = "my-model"


@contextmanager
def planted() -> Iterator[str]:
    """Serve, and yield the host and port."""
    with local_server.serve(_reply) as url:
        yield url.removeprefix("http://").removesuffix("/v1")


def _reply(handler: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> local_server.Reply:
    if body is None:
        return local_server.models(MODEL)
    if handler.path.endswith("/chat/completions"):
        return 200, json.dumps(_talk(body)).encode(), {}
    if local_server.refused(body):
        return 400, b'{"error": {"message": "no such option"}}', {}
    drawn = int(body.get("seed") or 0) % 5 if body.get("temperature") else 0
    words = ["Well,"] * drawn + _answer(str(body["prompt"]).rpartition("Problem:")[2]).split(" ")
    most = body.get("max_tokens", 16)
    text = " ".join(words[:most])
    for stop in body.get("stop") or ():
        text = text.partition(stop)[0]
    finish = "stop" if len(words) <= most else "length"
    found = local_server.completion(MODEL, text, len(words[:most]), body.get("n", 1), finish)
    return 200, json.dumps(found).encode(), {}


def _talk(body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": _answer(body["messages"][-1]["content"])}
    usage = {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    head = {"id": "x", "object": "chat.completion", "created": 0, "model": MODEL}
    return {**head, "choices": [choice], "usage": usage}


def _answer(question: str) -> str:
    return f"The answer is {sum(map(int, re.findall(r'[0-9]+', question)))}"
