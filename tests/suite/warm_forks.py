"""`subprocess.Popen` for tests: what the warm process can fork is forked, all else started as ever.

A process is forked only if its own environment names the warm process. Its number, signals to it, its
streams and its end are those of any child; only `os.wait` does not know it.
"""

import inspect
import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tests.suite.start_order import END, NAME, NUMBER, Order, inheritance, program_of

PLAIN = getattr(subprocess.Popen, "plain", subprocess.Popen)
"""What starts a process as ever. A fork has forgotten this module, and what that had put in its place."""
START = inspect.signature(PLAIN._execute_child)
"""Of the step in which a process is started, its pipes having been made."""
ORDINARY = {
    "executable": None, "preexec_fn": None, "close_fds": True, "shell": False, "restore_signals": True,
    "gid": None, "gids": None, "uid": None, "umask": -1, "process_group": -1,
}  # fmt: skip
"""What a process must be started with to be forked."""
READ = {"self", "args", "pass_fds", "cwd", "env", "start_new_session"}
PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


@dataclass
class EndedForks:
    """What the forks took that this process ordered and that have ended."""

    processor_s: float = 0.0


ENDED = EndedForks()


def possible() -> bool:
    """Say whether this system, and this version of `subprocess`, have what forks need."""
    if sys.platform != "linux" or not {*ORDINARY, *READ, *PIPES} <= START.parameters.keys():
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def install() -> None:
    """Let this process, where a warm one is named, have its children forked from it."""
    subprocess.Popen = WarmPopen  # type: ignore[misc]


class WarmPopen(PLAIN):  # type: ignore[type-arg]
    """A process, forked from the warm one if that can be."""

    plain = PLAIN
    _owner: socket.socket | None = None
    """The connection by which it was ordered and on which its end is told; None for a child of ours."""

    def _execute_child(self, *words: Any, **named: Any) -> None:
        given = START.bind(self, *words, **named).arguments
        if not self._order(given):
            super()._execute_child(*words, **named)
            return
        self._child_created = True
        self._close_pipe_fds(*(given[name] for name in PIPES))

    def _order(self, given: dict[str, Any]) -> bool:
        """Say whether the warm process has forked what is given."""
        if any(given[name] != value for name, value in ORDINARY.items()):
            return False
        try:
            order = order_of(given)
        except (OSError, TypeError):  # what cannot be started: Python says why
            return False
        if order is None:
            return False
        own = [given["p2cread"], given["c2pwrite"], given["errwrite"]]
        files = [number if file == -1 else file for number, file in enumerate(own)]
        answer = ordered(order, [*files, *order.descriptors[3:]])
        if answer is None:
            return False
        self.pid, self._owner = answer
        return True

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._owner is None:
            return super()._try_wait(wait_flags)
        ready = select.poll()
        ready.register(self._owner, select.POLLIN)
        if not ready.poll(0 if wait_flags & os.WNOHANG else None):
            return 0, 0
        said = self._owner.recv(END.size)
        self._owner.close()
        if not said:  # the warm process is gone, and nobody knows how this one ended
            return self.pid, signal.SIGKILL
        status, took_s = END.unpack(said)
        ENDED.processor_s += took_s
        return self.pid, status

    def _internal_poll(self, _deadstate: Any = None, **named: Any) -> int | None:
        if self._owner is None:
            return super()._internal_poll(_deadstate, **named)
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid == self.pid:
                        self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def order_of(given: dict[str, Any]) -> Order | None:
    """Return the order that is given, if it names a warm process and a program that can be forked."""
    variables = os.environ if given["env"] is None else given["env"]
    environ = {os.fsdecode(name): os.fsdecode(value) for name, value in variables.items()}
    words = given["args"]
    if NAME not in environ or isinstance(words, str | bytes | os.PathLike):
        return None
    program = program_of([os.fsdecode(word) for word in words], environ)
    if program is None:
        return None
    alone = bool(given["start_new_session"])
    return Order(
        program, environ, os.path.abspath(os.fsdecode(given["cwd"] or "")),
        [0, 1, 2, *map(int, given["pass_fds"])], alone, sorted(os.sched_getaffinity(0)),
        inheritance(alone),
    )  # fmt: skip


def ordered(order: Order, files: list[int]) -> tuple[int, socket.socket] | None:
    """Order a process; return its number and the connection on which its end will be told.

    None if the warm process is gone, or cannot fork this one.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"\0{order.address}")
        socket.send_fds(connection, [order.to_json()], files)
        said = connection.recv(NUMBER.size)
    except OSError:
        said = b""
    except BaseException:
        connection.close()
        raise
    pid = NUMBER.unpack(said)[0] if said else 0
    if pid:
        return pid, connection
    connection.close()
    return None
