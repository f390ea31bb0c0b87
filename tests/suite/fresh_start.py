"""What a fork of the warm process does to be what a new interpreter would be, up to its end.

It has the words, the environment, the paths, the working directory, the open files and the cores of
its order, streams of its own, and random numbers of its own. What it has imported is as it was after
the import. It leaves as Python does: threads are joined, what is registered for the end is called, streams are
written out. Objects are not taken down one by one, which would cost more than all the rest.
"""

import atexit
import fcntl
import importlib
import io
import os
import random
import runpy
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from adabench.harness.run.descendants import die_with_parent
from tests.suite.start_order import PYTEST, Order, Program

OWN = "tests"
"""The package of this module, which a new interpreter would not have imported."""
FAILED = 120
"""Python's exit code where streams cannot be written out."""


def become(order: Order, files: Sequence[int], base: Sequence[str]) -> NoReturn:
    """Be the process of an order, given its open files and the path of a bare interpreter."""
    if order.new_session:
        os.setsid()
    if order.program.text == PYTEST:
        die_with_parent()  # a session is over when the suite is, however that ended
    place_files(files, order.descriptors)
    os.sched_setaffinity(0, order.cores)
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environ)
    open_streams()
    sys.path[:] = search_path(order, base)
    importlib.invalidate_caches()
    forget()
    leave(run(order.program))


def place_files(files: Sequence[int], numbers: Sequence[int]) -> None:
    """Give open files their numbers, and close all others."""
    floor = max(numbers) + 1
    above = [fcntl.fcntl(file, fcntl.F_DUPFD, floor) for file in files]  # in nobody's way
    for file, number in zip(above, numbers, strict=True):
        os.dup2(file, number)
    for low, high in pairwise(sorted([*numbers, os.sysconf("SC_OPEN_MAX")])):
        if low + 1 < high:
            os.closerange(low + 1, high)


def open_streams() -> None:
    """Open the standard streams as those of this interpreter were opened, for other files."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        first, mode = getattr(sys, f"__{name}__"), "w" if number else "r"
        raw = io.FileIO(number, mode, closefd=False)
        raw.name = f"<{name}>"
        unbuffered = first.write_through
        buffered = io.BufferedWriter if number else io.BufferedReader
        stream = io.TextIOWrapper(
            raw if unbuffered and number else buffered(raw), first.encoding, first.errors,
            line_buffering=not unbuffered and (name == "stderr" or raw.isatty()),
            write_through=unbuffered,
        )  # fmt: skip
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def search_path(order: Order, base: Sequence[str]) -> list[str]:
    """Return `sys.path` as a new interpreter makes it of its environment and its program."""
    named = order.environ.get("PYTHONPATH", "")
    entries = [os.path.abspath(entry) for entry in named.split(os.pathsep)] if named else []
    path = list(dict.fromkeys([*entries, *base]))
    if order.program.safe:
        return path
    script = order.program.kind == "script"
    own = str(Path(order.program.text).resolve().parent) if script else order.folder
    return [own, *path]


def forget() -> None:
    """Leave behind what is of the process that was forked: numbers to come, a folder, modules."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    tempfile.tempdir = None  # TMPDIR may be another
    for name in list(sys.modules):
        if name.partition(".")[0] == OWN:
            del sys.modules[name]


def run(program: Program) -> int:
    """Run a program; return the exit code of its process."""
    sys.modules["__main__"] = ModuleType("__main__")
    sys.argv = [program.text, *program.words]
    flags = [] if program.kind == "script" else ["-P", "-m"]
    sys.orig_argv = [sys.executable, *flags, program.text, *program.words]
    try:
        if program.kind == "script":
            runpy.run_path(program.text, run_name="__main__")
        else:
            sys.modules.pop(program.text, None)  # a new interpreter has not imported it
            runpy.run_module(program.text, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return exit_code(end)
    except BaseException as problem:  # noqa: BLE001 - whatever it is, it is shown as Python shows it
        sys.excepthook(type(problem), problem, problem.__traceback__)
        return -signal.SIGINT if isinstance(problem, KeyboardInterrupt) else 1
    return 0


def exit_code(end: SystemExit) -> int:
    """Return the exit code that an exit means; what is no number is printed."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def leave(code: int) -> NoReturn:
    """End this process as Python ends, without taking down its objects."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            code = code or FAILED
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
