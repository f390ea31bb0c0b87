"""The run's side of its processes: a server a task, and through it a process a method.

    server = ServerHandle.open()
    server.load(block_name, substrate_bytes, "paging")
    method = server.start(order)
    reply = method.ask({"do": "solve", ...}, timeout_s)
    server.close()

Whatever a method does to its own process ends in `MethodLost`, which says what was seen.
"""

import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adabench.harness.contract.plain_data import PlainDataError, Schema
from adabench.harness.run.channel import MOST_ANSWER_BYTES, Channel
from adabench.harness.run.failure import MethodFailure, MethodLost

QUIET = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "TOKENIZERS_PARALLELISM": "false"}
"""Threads that a server which forks must not have: of an allocator of pandas, of tokenizers' pool."""
LOOK_S = 1.0
"""After so long without a word it is looked whether a process was stopped by a signal."""
GOODBYE_S = 1.0
"""So long a server may take to end its methods and itself before it is killed."""


@dataclass
class ServerHandle:
    """A running task server."""

    process: "subprocess.Popen[bytes]"
    channel: Channel
    loaded: str = ""
    """The name of the block that it holds."""
    importing: bool = False
    """Whether it has yet to say that it imported what it was told to."""
    leaving: set[int] = field(default_factory=set)
    """Process ids of methods that it was told to end, and that it has not said to have ended."""
    ended: dict[int, tuple[int, str]] = field(default_factory=dict)
    """By process id of a method: how its process ended, and why it was made to."""

    @classmethod
    def open(cls) -> "ServerHandle":
        """Start a server: a fresh interpreter that finds the same modules as this one."""
        ours, theirs = socket.socketpair()
        # -P keeps the working directory off sys.path: our folder names must not shadow packages.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "adabench.harness.run.task_server", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=[theirs.fileno()],
            env={
                **QUIET,
                **os.environ,
                "PYTHONSAFEPATH": "1",
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            start_new_session=True,  # an interrupt from a keyboard is for the run alone
        )
        theirs.close()
        return cls(process, Channel(ours))

    def load(self, block: str, substrate: bytes, task: str, most: int = 1) -> None:
        """Let the server fork with the substrate of a block, which is one of a task's; it holds some.

        Raises:
            MethodFailure: if it cannot be loaded there.
            MethodLost: if the server died of it.
        """
        if self.loaded == block:
            return
        self.loaded = ""
        self._send({
            "do": "load", "block": block, "substrate": substrate, "task": task, "most": most,
        })  # fmt: skip
        reply = self._next()
        if "failed" in reply:
            raise MethodFailure(reply["failed"])
        self.loaded = block

    def begin_imports(self, needs: Mapping[str, Any]) -> None:
        """Let the server import what a method needs (`block.needs_before_fork`), and go on.

        Meanwhile the run loads the task, which imports much the same. Whatever it asks of the
        server next waits until the server is done.

        Raises:
            MethodLost: if the server is gone.
        """
        self._send({"do": "import", **needs})
        self.importing = True

    def preload(self, needs: Mapping[str, Any]) -> None:
        """Let the server import what a method needs, and wait for it.

        Raises:
            MethodLost: if the server died of it.
        """
        self.begin_imports(needs)
        self._await_imports()

    def start(self, order: Mapping[str, Any], outcomes: Schema) -> "MethodHandle":
        """Fork a process for a method; it has not said yet whether the method could be imported.

        Raises:
            MethodLost: if the server is gone.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._send({"do": "start", **order}, theirs.fileno())
            started = self._next()["started"]
            return MethodHandle(self, started, Channel(ours, outcomes, MOST_ANSWER_BYTES))
        except MethodLost:
            ours.close()
            raise

    def end(self, pid: int) -> tuple[int, str]:
        """End a method's process and all below it; return how it ended."""
        with suppress(MethodLost):
            if pid not in self.ended and self.process.poll() is None:
                self._send({"do": "end", "pid": pid})
            while pid not in self.ended and self.process.poll() is None:
                self._listen()
        return self.ended.get(pid, (-9, ""))

    def end_all(self, pids: Iterable[int]) -> None:
        """Begin to end some methods' processes and all below them; `await_quiet` waits for it."""
        with suppress(MethodLost):
            for pid in set(pids) - self.ended.keys():
                self._send({"do": "end", "pid": pid})
                self.leaving.add(pid)

    def await_quiet(self) -> None:
        """Wait until it has imported what it was told to, and methods have ended that were to end."""
        with suppress(MethodLost):
            self._await_imports()
            while self.leaving - self.ended.keys() and self.process.poll() is None:
                self._listen()
        self.leaving.clear()

    def close(self) -> None:
        """End the server and every method that lives."""
        self.channel.close()
        try:
            self.process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def go_on(self) -> None:
        """Let the server go on if a signal stopped it: nothing is timed in it."""
        if is_stopped(self.process.pid):
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)

    def note_ended(self) -> None:
        """Take in what the server has said of methods that ended."""
        if not self.channel.fill():
            raise self._gone()
        while (message := self.channel.take()) is not None:
            self._take(message[0])

    def _take(self, message: Mapping[str, Any]) -> None:
        if "ended" in message:
            self.ended[message["ended"]] = (message["code"], message["why"])

    def _next(self) -> Mapping[str, Any]:
        """Wait for the reply to what was sent last; take in what else comes before it."""
        while True:
            message = self._word()
            if "ended" not in message:
                reply: Mapping[str, Any] = message
                return reply
            self._take(message)

    def _listen(self) -> None:
        self._take(self._word())

    def _word(self) -> Any:
        """Wait for the next message, whatever it is about."""
        while not self.channel.complete and not _readable(self.channel, LOOK_S):
            self.go_on()
        message = self.channel.receive()
        if message is None:
            raise self._gone()
        return message

    def _await_imports(self) -> None:
        if self.importing:
            self.importing = False
            self._next()

    def _send(self, message: Mapping[str, Any], *descriptors: int) -> None:
        self._await_imports()
        try:
            self.channel.send(dict(message), *descriptors)
        except OSError as gone:
            raise self._gone() from gone

    def _gone(self) -> MethodLost:
        self.loaded = ""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GOODBYE_S)
        return MethodLost(f"the server of the task died: {_cause(self.process.poll() or -9)}")


@dataclass
class MethodHandle:
    """A method's living process."""

    server: ServerHandle
    pid: int
    channel: Channel
    solves: bool = False
    prepares: bool = False
    """Whether the method has a `solve` and a `prepare`."""
    states: set[str] = field(default_factory=set)
    """Prepared states that it holds."""
    sessions: int = 1
    """Cases of a message that it solves side by side, as it said last."""
    cases: set[int] = field(default_factory=set)
    """Cases that it holds."""
    stopped: bool = False
    """Whether it stood still when it was last looked at."""

    @property
    def alive(self) -> bool:
        """Whether nothing is known of its end."""
        return self.pid not in self.server.ended and self.server.process.poll() is None

    def ask(
        self, message: Mapping[str, Any], timeout_s: float | None = None, *descriptors: int
    ) -> Mapping[str, Any]:
        """Send a message, with open files if there are any, and wait for the reply.

        Raises:
            MethodFailure: if the method raised something.
            MethodLost: if its process ended, was ended because it took too long or forked too
                often, or said something that is no reply.
        """
        self.send(message, *descriptors)
        return self.reply(timeout_s)

    def send(self, message: Mapping[str, Any], *descriptors: int) -> None:
        """Send a message, with open files if there are any."""
        with suppress(OSError):  # it has gone; how, the server will say
            self.channel.send(dict(message), *descriptors)

    def reply(self, timeout_s: float | None = None) -> Mapping[str, Any]:
        """Wait for the next reply; see `ask`."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            selector.register(self.server.channel, selectors.EVENT_READ)
            while True:
                try:
                    message = self.channel.take()
                except PlainDataError as broken:
                    self.close()
                    raise MethodLost(f"its process sent what is no reply: {broken}") from broken
                if message is not None:
                    return self._checked(message[0])
                self._wait(selector, until, timeout_s)

    def close(self) -> None:
        """End the process."""
        self.server.end(self.pid)
        self.channel.close()

    def finish(self) -> None:
        """Ask the process to end by itself, and end it."""
        if self.alive:
            with suppress(MethodLost, MethodFailure):
                self.ask({"do": "end"}, GOODBYE_S)
        self.close()

    def _wait(
        self, selector: selectors.BaseSelector, until: float | None, timeout_s: float | None
    ) -> None:
        left = math.inf if until is None else max(until - time.monotonic(), 0.0)
        ready = selector.select(min(left, LOOK_S))
        if not ready:
            self._check_waiting(left <= LOOK_S, timeout_s)
            return
        sides = [key.fileobj for key, _ in ready]
        open_end = self.channel.fill() if self.channel in sides else True
        if self.server.channel in sides:
            self.server.note_ended()
        if self.pid in self.server.ended:
            while open_end and _readable(self.channel):
                open_end = self.channel.fill()
            if self.channel.complete:
                return
            raise self._lost()
        if not open_end:
            selector.unregister(self.channel)

    def _check_waiting(self, over: bool, timeout_s: float | None) -> None:
        """End the process if it has no time left or was stopped, by itself or by another method."""
        self.server.go_on()
        if over:
            self.close()
            raise MethodLost(
                f"no result within {timeout_s:g} s; its process was ended", timeout=True
            )
        stopped, self.stopped = self.stopped, is_stopped(self.pid)
        if stopped and self.stopped:  # once it may be the server's, which stops what it ends
            self.close()
            raise MethodLost(
                "its process was stopped by a signal, which no method may send; it was ended"
            )

    def _lost(self) -> MethodLost:
        code, why = self.server.ended[self.pid]
        said = f"the process of the method died: {_cause(code)}"
        return MethodLost(f"{said}: {why}" if why else said)

    def _checked(self, message: Any) -> Mapping[str, Any]:
        if not isinstance(message, dict):
            self.close()
            raise MethodLost("its process sent what is no reply")
        if "failed" in message:
            raise MethodFailure(message["failed"])
        return message


def _readable(channel: Channel, seconds: float = 0.0) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        return bool(selector.select(seconds))


def is_stopped(pid: int) -> bool:
    """Say whether a process stands still until it is sent a signal; False where /proc is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b") ")[2][:1] == b"T"


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code} without an end"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
