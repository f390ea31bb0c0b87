"""What a test shares with all tests after it in its process, and may not leave changed.

Filters of warnings are not looked at: pytest puts them back after each phase of a test. Neither
are libraries' own settings (threads, seeds, registries): a fixture of the library's tests does.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)
USUAL_UMASK = 0o022
"""The mask can't be read without being set: this one harms no thread that makes a file meanwhile."""
OWN = (
    b"PYTEST_CURRENT_TEST", b"TORCHINDUCTOR_CACHE_DIR", b"KMP_DUPLICATE_LIB_OK", b"KMP_INIT_AT_FORK",
)  # fmt: skip
"""pytest says which test runs; torch says its usual folder at the first compilation in a process, and
scikit-learn sets the others when it is imported for the first time."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The state of a process that its tests share."""

    environment: dict[bytes, bytes]
    folder: str
    paths: list[str]
    handlers: tuple[Any, ...]
    umask: int

    def changes(self, after: "Surroundings") -> list[str]:
        """Name what differs afterwards."""
        found = []
        for name in sorted(self.environment.keys() | after.environment.keys()):
            was, now = self.environment.get(name), after.environment.get(name)
            if was != now:
                found.append(f"os.environ[{name.decode()!r}] was {was!r} and is {now!r}")
        if self.folder != after.folder:
            found.append(f"the working directory was {self.folder} and is {after.folder}")
        if self.paths != after.paths:
            found.append(f"sys.path was {self.paths} and is {after.paths}")
        for number, was, now in zip(SIGNALS, self.handlers, after.handlers, strict=True):
            if was != now:
                found.append(f"the handler of {number.name} was {was} and is {now}")
        if self.umask != after.umask:
            found.append(f"the umask was {self.umask:o} and is {after.umask:o}")
        return found

    def put_back(self) -> None:
        """Make the process what it was, so that one test's leak is no other test's failure."""
        for name in os.environb.keys() - self.environment.keys() - set(OWN):
            del os.environb[name]
        for name, value in self.environment.items():
            os.environb[name] = value
        os.chdir(self.folder)
        sys.path[:] = self.paths
        _handle(self.handlers)
        os.umask(self.umask)


def _handle(handlers: tuple[Any, ...]) -> None:
    for number, handler in zip(SIGNALS, handlers, strict=True):
        if handler is not None:  # one that Python did not set can't be set by it
            signal.signal(number, handler)


@contextmanager
def same_handlers() -> Iterator[None]:
    """Let signals mean afterwards what they did before: the command line has meanings of its own."""
    before = tuple(map(signal.getsignal, SIGNALS))
    try:
        yield
    finally:
        _handle(before)


def look() -> Surroundings:
    """Return the state of this process; it takes some 10 µs, so it may be done before every test."""
    environment = vars(os.environ)["_data"].copy()  # a copy of os.environ decodes every value
    for name in OWN:
        environment.pop(name, None)
    mask = os.umask(USUAL_UMASK)
    os.umask(mask)
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        folder = "a folder that is gone"
    handlers = tuple(map(signal.getsignal, SIGNALS))
    return Surroundings(environment, folder, sys.path.copy(), handlers, mask)


@contextmanager
def unchanged() -> Iterator[None]:
    """Fail, and put it back, if what runs here leaves its process changed."""
    before = look()
    yield
    after = look()
    if before != after:
        before.put_back()
        pytest.fail("The test left its process changed: " + "; ".join(before.changes(after)))


@pytest.fixture(autouse=True)
def surroundings() -> Iterator[None]:
    """Hold every test to it; what fixtures of wider scope change is no part of a test."""
    with unchanged():
        yield
