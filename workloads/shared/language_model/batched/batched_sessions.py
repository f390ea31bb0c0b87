"""Answers many questions at once, each by an unchanged `solve`: their models run in common batches.

A session has a thread, and one thread runs at a time, in a fixed order, until it needs a model (`call`) or something outside (`wait`). When
all wait, each kind of work is done once for whoever wants it. Nothing depends on how threads are scheduled; no session sees another.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from threading import Lock, Thread, get_ident
from typing import Any, TypeVar

from adabench.harness.errors import MethodContractError

T = TypeVar("T")
R = TypeVar("R")
_CURRENT: ContextVar[tuple[object, Any]] = ContextVar("current session")
_RUNNING: set[int] = set()
"""Identities of the tasks whose sessions run now."""


class _Abandoned(BaseException):
    """Ends a session that others can no longer be batched with."""


@dataclass(eq=False)
class _Session:
    """One thread, and what it waits for."""

    go: Lock = field(default_factory=Lock)
    work: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    request: Any = None
    outside: "Future[Any] | None" = None
    reply: Any = None
    problem: BaseException | None = None
    """What is to be raised where it waits."""
    is_over: bool = False


class BatchedSessions:
    """Runs jobs side by side until each waits or is over, then does what they wait for."""

    def __init__(self) -> None:
        self.widest = 0
        """The most sequences that one session handed to one call."""
        self.calls, self.requests = 0, 0
        """Calls of models that were made, and that sessions asked for."""
        self._turn = Lock()
        self._sessions: dict[int, _Session] = {}
        self._problem: BaseException | None = None
        self._pool: ThreadPoolExecutor | None = None

    def run(
        self,
        task: object,
        copies: Sequence[T],
        jobs: Sequence[Callable[[T], None]],
        due_s: Sequence[float] = (),
    ) -> None:
        """Call every job with a copy of the task; as many are under way as there are copies.

        With `due_s`, rising moments of the monotonic clock, none begins before its own.

        Raises:
            Exception: what a common call raised, after all sessions were ended; a call for one session
                raises there. Also what a job raised, which should raise nothing.
        """
        todo = zip(jobs, due_s or repeat(None), strict=False)
        sessions = [_Session() for _ in copies[: len(jobs)]]
        self._turn.acquire()
        _RUNNING.add(id(task))
        with ExitStack() as stack:
            stack.callback(self._turn.release)
            stack.callback(_RUNNING.discard, id(task))
            self._pool = stack.enter_context(ThreadPoolExecutor(max(1, len(sessions))))
            threads = [
                Thread(target=self._live, args=(session, task, copy, todo), daemon=True)
                for session, copy in zip(sessions, copies, strict=False)
            ]
            for session, thread in zip(sessions, threads, strict=True):
                session.go.acquire()
                thread.start()
            self._go_on(sessions)
            for thread in threads:
                thread.join()
        if self._problem is not None:
            problem, self._problem = self._problem, None
            raise problem

    def call(self, work: Callable[[Sequence[R]], Sequence[T]], request: R) -> T:
        """Wait until `work` was done for this request and those of other sessions; return its own reply.

        Raises:
            MethodContractError: from a thread that is no session.
        """
        session = self._own()
        session.work, session.request = work, request
        reply: T = self._pause(session)
        return reply

    def wait(self, work: Callable[[], T]) -> T:
        """Let `work` run in a thread of its own while other sessions go on; return what it returns.

        Raises:
            MethodContractError: from a thread that is no session.
        """
        session = self._own()
        assert self._pool is not None
        session.outside = self._pool.submit(work)
        self._pause(session)
        found: T = session.reply
        return found

    def note_rows(self, rows: int) -> None:
        """Note how many sequences a session hands to a call."""
        self.widest = max(self.widest, rows)

    def _own(self) -> _Session:
        session = self._sessions.get(get_ident())
        if session is None:
            raise _foreign()
        return session

    def _live(
        self,
        session: _Session,
        task: object,
        copy: T,
        todo: Iterator[tuple[Callable[[T], None], float | None]],
    ) -> None:
        """Be a session's thread: do one job after another."""
        session.go.acquire()
        self._sessions[get_ident()] = session
        _CURRENT.set((task, copy))
        try:
            for job, at_s in todo:
                if at_s is not None:
                    self.wait(partial(_await, at_s))
                job(copy)
        except _Abandoned:
            pass
        except BaseException as problem:  # noqa: BLE001  is raised by whoever runs the sessions
            self._problem = self._problem or problem
        finally:
            del self._sessions[get_ident()]
            session.is_over = True
            self._turn.release()

    def _pause(self, session: _Session) -> Any:
        """Hand the turn back, and wait for the reply."""
        self._turn.release()
        session.go.acquire()
        if session.problem is not None:
            problem, session.problem = session.problem, None
            raise problem
        return session.reply

    def _resume(self, session: _Session) -> None:
        """Let a session run until it waits again or is over."""
        session.go.release()
        self._turn.acquire()

    def _go_on(self, sessions: Sequence[_Session]) -> None:
        """Run sessions and what they wait for until all are over."""
        ready = list(sessions)
        while ready:
            for session in ready:
                self._resume(session)
            waiting = [session for session in sessions if not session.is_over]
            try:
                ready = self._served(waiting) if self._problem is None else []
            except Exception as problem:  # noqa: BLE001  every session has to end first
                self._problem, ready = problem, []
        for session in sessions:
            while not session.is_over:
                session.problem = _Abandoned()
                self._resume(session)

    def _served(self, waiting: Sequence[_Session]) -> list[_Session]:
        """Do what sessions wait for; return those that can go on, in their order."""
        groups: dict[Any, list[_Session]] = {}
        for session in waiting:
            if session.work is not None:
                groups.setdefault(session.work, []).append(session)
        for work, group in groups.items():
            self._do(work, group)
        outside = {s.outside: s for s in waiting if s.outside is not None}
        if outside and not groups:
            wait(outside, return_when=FIRST_COMPLETED)
        for future, session in outside.items():
            if future.done():
                session.outside, session.problem = None, future.exception()
                session.reply = None if session.problem else future.result()
        return [s for s in waiting if s.work is None and s.outside is None]

    def _do(self, work: Any, group: Sequence[_Session]) -> None:
        """Do one kind of work for some sessions; what one alone asked for fails for it alone."""
        self.calls, self.requests = self.calls + 1, self.requests + len(group)
        try:
            replies = work([session.request for session in group])
        except Exception as problem:
            if len(group) > 1:
                raise
            group[0].problem, replies = problem, [None]
        for session, reply in zip(group, replies, strict=True):
            session.work, session.request, session.reply = None, None, reply


def _await(moment_s: float) -> None:
    """Wait for a moment of the monotonic clock."""
    time.sleep(max(0.0, moment_s - time.monotonic()))


def current(task: T) -> T:
    """Return the copy of a task that the current session counts into; outside of sessions, the task itself.

    Raises:
        MethodContractError: from another thread while sessions of this task run.
    """
    base, copy = _CURRENT.get((None, None))
    if base is task:
        own: T = copy
        return own
    if id(task) in _RUNNING:
        raise _foreign()
    return task


def _foreign() -> MethodContractError:
    return MethodContractError(
        "A model was called from a thread of the method's own, while sessions share batches.",
        "Call it where `solve` runs, or count with --sessions 1.",
    )
