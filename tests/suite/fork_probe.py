"""A program that says what process it is, for the tests of forks: a fork and a fresh start say the same.

python -P -m tests.suite.fork_probe state           as JSON on stdout
python -P -m tests.suite.fork_probe parent          the number of its parent
python -P -m tests.suite.fork_probe drawn           random numbers
python -P -m tests.suite.fork_probe caches          those of adabench that hold something
python -P -m tests.suite.fork_probe leave CODE      with `exit`, an exception or at the end
python -P -m tests.suite.fork_probe wait            until stdin ends
"""

import atexit
import json
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.suite.start_order import inheritance


def state() -> dict[str, Any]:
    """Return what a process has from its start, but for its number and what it has imported."""
    own = inheritance(new_session=os.getsid(0) == os.getpid())
    return {
        "words": sys.argv[1:],
        "script": Path(sys.argv[0]).name,
        "name": __name__,
        "environ": dict(os.environ),
        "path": sys.path,
        "folder": os.getcwd(),
        "open": sorted(open_files()),
        "inherited": [own.mask, own.signals, own.limits, own.niceness, own.group],
        "handlers": [str(signal.getsignal(one)) for one in (signal.SIGINT, signal.SIGCHLD)],
        "wakeup": signal.set_wakeup_fd(-1),
        "cores": sorted(os.sched_getaffinity(0)),
        "streams": [stream_state(name) for name in ("stdin", "stdout", "stderr")],
        "threads": [thread.name for thread in threading.enumerate()],
        "temporary": tempfile.gettempdir(),
        "logging": [logging.root.level, len(logging.root.handlers)],
        "said": sys.stdin.read(),
    }


def open_files() -> Iterator[int]:
    """Yield the numbers of open files."""
    for link in Path("/proc/self/fd").iterdir():
        try:
            place = os.readlink(link)
        except OSError:  # the folder itself, which has been closed
            continue
        if not place.startswith("/proc"):
            yield int(link.name)


def stream_state(name: str) -> list[Any]:
    """Return how a standard stream writes."""
    stream = getattr(sys, name)
    assert stream is getattr(sys, f"__{name}__")
    return [
        stream.fileno(), stream.encoding, stream.errors, stream.line_buffering,
        stream.write_through, stream.isatty(), stream.mode, stream.name,
    ]  # fmt: skip


def random_numbers() -> list[float]:
    """Return numbers that no other process draws."""
    import numpy as np

    return [random.random(), np.random.random()]


def filled_caches() -> list[str]:
    """Return the names of caches of adabench's functions that hold something."""
    return [
        f"{module}.{name}"
        for module, loaded in list(sys.modules.items())
        if module.startswith("adabench.") and isinstance(loaded, types.ModuleType)
        for name, value in vars(loaded).items()
        if getattr(value, "__module__", "") == module and hasattr(value, "cache_info")
        if value.cache_info().currsize
    ]


def leave(how: str) -> None:
    """End in a way."""
    atexit.register(lambda: print("at the end", file=sys.stderr, flush=True))
    print("not flushed", end="")
    match how:
        case "error":
            raise ValueError("not caught")
        case "interrupt":
            raise KeyboardInterrupt
        case "sentence":
            sys.exit("a sentence")
        case "end":
            return
        case code:
            sys.exit(int(code))


def main() -> None:
    """Do what the words say."""
    match sys.argv[1:]:
        case ["state", *_]:
            print(json.dumps(state()))
        case ["parent"]:
            print(os.getppid())
        case ["drawn"]:
            print(json.dumps(random_numbers()))
        case ["caches"]:
            print(json.dumps(filled_caches()))
        case ["leave", how]:
            leave(how)
        case ["wait"]:
            print(os.getpid(), flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
