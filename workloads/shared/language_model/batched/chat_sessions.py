"""A session's view of a chat server: its requests are in flight while other sessions run."""

from collections.abc import Sequence
from typing import Any

from adabench.workloads.shared.language_model.backends.chat_engine import ChatEngine
from adabench.workloads.shared.language_model.backends.openai_protocol import ChatAnswer
from adabench.workloads.shared.language_model.batched.batched_sessions import BatchedSessions
from adabench.workloads.shared.language_model.contract import Costs


class BatchedChatEngine(ChatEngine):
    """Sends its requests while other sessions run; the server batches them."""

    def __init__(self, engine: ChatEngine, sessions: BatchedSessions) -> None:
        vars(self).update(vars(engine))
        self.costs, self._sessions = Costs(), sessions

    def _sent(self, bodies: Sequence[dict[str, Any]]) -> list[ChatAnswer]:
        self._sessions.note_rows(len(bodies))
        send = super()._sent
        return self._sessions.wait(lambda: send(bodies))
