"""Waits for what another process does: they end with it, and after so many looks."""

import os
import select
import subprocess
from collections.abc import Callable
from typing import IO, Any

MOST_LOOKS = 200_000
"""At 3 ms each: ten minutes where a machine does nothing else, longer where it does."""
LOOK_S = 0.003
MOST_SECONDS = 600
"""Of waiting for the end of a process that was killed, or whose parent was."""


def wait_until(happened: Callable[[], object], process: "subprocess.Popen[Any]") -> None:
    """Return once something has happened; fail, with what it said, if the process ended before."""
    if not has_happened(happened, process):
        raise AssertionError(f"{process.args} ended with {process.returncode}{_said(process)}")


def has_happened(happened: Callable[[], object], process: "subprocess.Popen[Any]") -> bool:
    """Return whether something happened while a process lived, as soon as either is over."""
    for _ in range(MOST_LOOKS):
        if happened():
            return True
        try:
            process.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            continue
        return bool(happened())
    raise AssertionError(f"{process.args} did not do in {MOST_LOOKS} looks what was waited for")


class OtherProcess:
    """A process that another one started: what is waited for is its end, and no namesake's."""

    def __init__(self, pid: int) -> None:
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = None

    def wait_for_end(self) -> None:
        """Return once it does nothing more; whether somebody has buried it does not matter."""
        if self._handle is None:
            return
        ended = select.poll()
        ended.register(self._handle, select.POLLIN)
        found = any(ended.poll(1000) for _ in range(MOST_SECONDS))
        os.close(self._handle)
        self._handle = None
        assert found, "a process that should have ended goes on"


def _said(process: "subprocess.Popen[Any]") -> str:
    streams: list[IO[Any]] = [one for one in (process.stdout, process.stderr) if one]
    return "".join(f"\n{stream.read()}" for stream in streams)
