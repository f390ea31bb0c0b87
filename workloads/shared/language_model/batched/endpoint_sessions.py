"""A session's view of an endpoint: what a session waits for is a request in flight, and others go on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from adabench.workloads.shared.language_model.backends.openai import OpenAIEngine
from adabench.workloads.shared.language_model.batched.batched_sessions import BatchedSessions
from adabench.workloads.shared.language_model.contract import Costs

A = TypeVar("A")
B = TypeVar("B")


class BatchedOpenAIEngine(OpenAIEngine):
    """Sends its requests while other sessions run; the server batches them."""

    def __init__(self, engine: OpenAIEngine, sessions: BatchedSessions) -> None:
        vars(self).update(vars(engine))
        self.costs, self._sessions = Costs(), sessions

    def _send(self, ask: Callable[[A], B], bodies: Sequence[A]) -> list[B]:
        self._sessions.note_rows(len(bodies))
        send = super()._send
        return self._sessions.wait(lambda: send(ask, bodies))
