"""Gives a session its models: the same weights, with sequences and costs of its own.

An engine is replaced by one whose calls wait for those of other sessions. What stands on an engine (a judge, a router) says itself what
its copy looks like: `of_session(models)`.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from adabench.workloads.shared.language_model.batched.batched_sessions import BatchedSessions
from adabench.workloads.shared.language_model.batched.native_batches import (
    BatchedNativeEngine,
    NativeBatches,
)
from adabench.workloads.shared.language_model.native.engine import NativeEngine

T = TypeVar("T")
NATIVE, LARGE = 8, 16
"""Sessions in a batch, unless a run says otherwise: of our compiled engine, whose rows fall out of the cache, and
of models that read all their weights for every word."""
WIDE = 16
"""Sequences in a call of one session from which batches of several sessions bring nothing."""
FEW = 2
"""Calls of the native engine a question: with more, or with several sequences in one, threads that take turns
cost what batches save."""


class CommonBatches:
    """What all sessions of one run share: by engine, what runs their batches."""

    def __init__(self, sessions: BatchedSessions) -> None:
        self.sessions = sessions
        self._batches: dict[int, Any] = {}

    def of(self, engine: Any) -> Any:
        """Return what runs the batches of an engine; None for a kind of engine that has none."""
        if id(engine) not in self._batches:
            self._batches[id(engine)] = self._made(engine)
        return self._batches[id(engine)]

    def _made(self, engine: Any) -> Any:
        if isinstance(engine, NativeEngine):
            return NativeBatches(engine)
        if kind(engine) == "TransformersEngine":
            from adabench.workloads.shared.language_model.batched.continuous_batches import (
                ContinuousBatches,
            )

            return ContinuousBatches(engine)
        return None


class SessionModels:
    """Makes the views of one session."""

    def __init__(self, common: CommonBatches) -> None:
        self._common = common
        self._views: dict[int, Any] = {}

    def view(self, model: T) -> T:
        """Return the session's view of an engine, or of what stands on engines; None stays None."""
        if model is None:
            return model
        if id(model) not in self._views:
            self._views[id(model)] = self._made(model)
        return cast(T, self._views[id(model)])

    def _made(self, model: Any) -> Any:
        common = self._common
        match kind(model):
            case "NativeEngine":
                return BatchedNativeEngine(model, common.sessions, common.of(model))
            case "TransformersEngine":
                from adabench.workloads.shared.language_model.batched.transformers_sessions import (
                    BatchedTransformersEngine,
                )

                return BatchedTransformersEngine(model, common.sessions, common.of(model))
            case "OpenAIEngine":
                from adabench.workloads.shared.language_model.batched.endpoint_sessions import (
                    BatchedOpenAIEngine,
                )

                return BatchedOpenAIEngine(model, common.sessions)
            case "ChatEngine":
                from adabench.workloads.shared.language_model.batched.chat_sessions import (
                    BatchedChatEngine,
                )

                return BatchedChatEngine(model, common.sessions)
            case _:
                return model.of_session(self)


def kind(model: object) -> str:
    """Return the name of a model's class: a backend is imported only where it is used."""
    return type(model).__name__


def most_sessions(models: Sequence[object]) -> int:
    """Return how many sessions share a batch of these models by default; 1: one of them cannot."""
    sizes = {
        "NativeEngine": NATIVE,
        "TransformersEngine": LARGE,
        "OpenAIEngine": LARGE,
        "ChatEngine": LARGE,
    }
    other = (LARGE if hasattr(one, "of_session") else 1 for one in models)
    return min(
        (sizes.get(kind(one), size) for one, size in zip(models, other, strict=True)), default=1
    )


def solve_batched(
    task: T,
    copy: Callable[[SessionModels], T],
    parts: Sequence[object],
    jobs: Sequence[Callable[[T], None]],
    sessions: int,
    due_s: Sequence[float] = (),
) -> int:
    """Call each job with a copy of a task, `sessions` of them side by side, and batch their models.

    With `due_s`, moments of the monotonic clock, none begins before its own.

    `copy` makes one from the models of a session; `parts` are all that are batched. Return how many
    sessions are worth it, after what was seen.

    Raises:
        Exception: what a batch of several sessions raised.
    """
    common = CommonBatches(BatchedSessions())
    copies = [copy(SessionModels(common)) for _ in range(min(sessions, len(jobs)))]
    common.sessions.run(task, copies, jobs, due_s)
    return _worthwhile(common.sessions, len(jobs), most_sessions(parts))


def _worthwhile(seen: BatchedSessions, jobs: int, most: int) -> int:
    """Return how many sessions are worth it, by the sequences of a call and the calls of a question."""
    if most == NATIVE and (seen.widest > 1 or seen.requests > FEW * jobs):
        return 1
    if seen.widest >= WIDE:
        return 1
    return max(1, min(most, 2 * WIDE // max(1, seen.widest)))
