"""A completions server on loopback with a few slots: what a question gets follows from its prompt and its seed.

It answers sums in worked lines, right or wrong by the seed, word by word. A slot is held for as long as a request takes; who
finds none waits. What went over the wire is in `wire`, with the moments at which requests came and were answered.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.workloads import local_server
from tests.workloads.local_server import Reply

KEY, NAME = "a-key", "slots"


@dataclass
class SlotServer:
    """Slots, and what they cost."""

    slots: int = 2
    word_s: float = 0.0
    """A word takes so long in its slot."""
    streams: bool = True
    counts: bool = True
    logprobs: bool = False
    waits_for: int = 1
    """An answer is held back until so many requests were in their slots at once, or for ten seconds."""
    wire: list[dict[str, Any]] = field(default_factory=list)
    most_held: int = 0
    echoes: int = 0
    """Requests for an echo; a probe makes one."""
    url: str = ""

    def __post_init__(self) -> None:
        self._free = threading.Semaphore(self.slots)
        self._lock = threading.Condition()
        self._held = 0

    @property
    def spec(self) -> str:
        """The server, as `--model` names it."""
        return f"openai:{self.url}#{NAME}"

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What was asked of worked questions; a probe asks no problem."""
        return [one for one in self.wire if "Problem:" in one["body"]["prompt"]]

    def reply(self, handler: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> Reply:
        """Answer one request."""
        if body is None:
            return local_server.models(NAME)
        self.echoes += bool(body.get("echo"))
        if body.get("echo") or (body.get("logprobs") and not self.logprobs):
            return 400, b'{"error": {"message": "no such option"}}', {}
        if body.get("stream") and not self.streams:
            return 400, b'{"error": {"message": "no streams"}}', {}
        begun = time.monotonic()
        with self._free:
            with self._lock:
                self._held += 1
                self.most_held = max(self.most_held, self._held)
                self._lock.notify_all()
                self._lock.wait_for(lambda: self.most_held >= self.waits_for, timeout=10)
            choices = [self._choice(body, index) for index in range(body.get("n", 1))]
            words = sum(len(choice["words"]) for choice in choices)
            time.sleep(self.word_s * words)
            with self._lock:
                self._held -= 1
        one = {"body": body, "begun": begun, "ended": time.monotonic(), "words": words}
        self.wire.append(one | {"texts": ["".join(choice["words"]) for choice in choices]})
        return self._streamed(choices) if body.get("stream") else self._whole(choices, words)

    def _choice(self, body: dict[str, Any], index: int) -> dict[str, Any]:
        """Return the words of one sample, cut where the request says."""
        prompt = str(body["prompt"])
        drawn = f"{body.get('seed')} {index}" if body.get("temperature") else "likeliest"
        dice = hashlib.sha256(f"{prompt}|{drawn}".encode()).digest()
        problem = prompt.rpartition("Problem:")[2].partition("\n")[0]
        total = sum(map(int, re.findall(r"\d+", problem))) + (dice[0] < 90)
        text = f"Step 1: {'so ' * (1 + dice[1] % 6)}= {total}\nAnswer: {total}\n\nProblem: 1 + 1\n"
        if "Problem:" not in prompt:
            text = f" {dice[2]}, {dice[3]}, {dice[4]}, {dice[5]},"
        for stop in body.get("stop") or ():
            text = text.partition(stop)[0]
        words, most = re.findall(r"\s*\S+|\s+", text), body.get("max_tokens", 16)
        finish = "stop" if len(words) <= most else "length"
        return {"words": words[:most], "finish": finish}

    def _usage(self, words: int) -> dict[str, int] | None:
        return (
            {"prompt_tokens": 9, "completion_tokens": words, "total_tokens": 9}
            if self.counts
            else None
        )

    def _whole(self, choices: list[dict[str, Any]], words: int) -> Reply:
        said = local_server.completion(NAME, "", words, 1)
        said["choices"] = [
            {"index": at, "text": "".join(one["words"]), "finish_reason": one["finish"]}
            for at, one in enumerate(choices)
        ]
        return 200, json.dumps({**said, "usage": self._usage(words)}).encode(), {}

    def _streamed(self, choices: list[dict[str, Any]]) -> Reply:
        head = {"id": "x", "object": "text_completion", "created": 0, "model": NAME}
        parts: list[dict[str, Any]] = []
        for at, one in enumerate(choices):
            parts += [
                {**head, "choices": [{"index": at, "text": word, "finish_reason": None}]}
                for word in one["words"]
            ]
            ending = {"index": at, "text": "", "finish_reason": one["finish"]}
            parts.append({**head, "choices": [ending]})
        words = sum(len(one["words"]) for one in choices)
        parts.append({**head, "choices": [], "usage": self._usage(words)})
        lines = [f"data: {json.dumps(part)}\n\n" for part in parts]
        payload = "".join([*lines, "data: [DONE]\n\n"]).encode()
        return 200, payload, {"Content-Type": "text/event-stream"}


@contextmanager
def slots(**how: Any) -> Iterator[SlotServer]:
    """Serve on loopback."""
    server = SlotServer(**how)
    with local_server.serve(server.reply) as server.url:
        yield server
