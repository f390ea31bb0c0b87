"""The plug-in of pytest that starts the warm process, and offers it to all tests but `cold` ones.

All workers of a session share one. A test with the marker `cold` is about a fresh interpreter, signals,
a process tree or memory: whatever it starts, its fixtures included, starts as for a user. So are tests
of trainings and of GPUs, which measure. `ADABENCH_TEST_COLD=1` makes every test one.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.suite import warm_forks
from tests.suite.start_order import KINDS, NAME, NEEDS_EXTRAS, NEEDS_MODELS

ROOT = Path(__file__).parents[2]
COLD = "ADABENCH_TEST_COLD"
MARKS = ("cold", "gpu", "slow")
EXTRAS_OF = ("mip", "routing")
"""Tasks whose methods import libraries that take seconds and that no other task needs."""
MODELS_OF = ("pretrained", "text")
"""Tasks that run models of transformers or ask servers. Other tests that do have the marker `models`, or need
the fixture `llama_folder`."""
QUIET = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "TOKENIZERS_PARALLELISM": "false"}
"""Threads that a process which forks must not have: of an allocator of pandas, of tokenizers' pool."""
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What the conftest sets. A session that is forked has imported the libraries that read it."""


class WarmSession:
    """Hooks of a session or of one of its workers, which have the address of the warm process."""

    def __init__(self, address: str) -> None:
        self.address = address

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker the address."""
        node.workerinput[NAME] = self.address

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Name the warm process while a test runs that is not about a fresh start."""
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv(NEEDS_MODELS, raising=False)  # set for the session
            if any(item.get_closest_marker(mark) for mark in MARKS):
                patch.delenv(NAME, raising=False)
            else:
                patch.setenv(NAME, self.address)
                if task_of(item) in EXTRAS_OF:
                    patch.setenv(NEEDS_EXTRAS, "1")
                if needs_models(item):
                    patch.setenv(NEEDS_MODELS, "1")
            return (yield)


def needs_models(item: pytest.Item) -> bool:
    """Say whether what a test starts runs models of transformers, or asks servers."""
    fixtures = getattr(item, "fixturenames", ())
    marked = item.get_closest_marker("models") is not None
    return marked or "llama_folder" in fixtures or task_of(item) in MODELS_OF


def task_of(item: pytest.Item) -> str:
    """Return the task whose tests share a worker with this one, or the name of another such group."""
    group = item.get_closest_marker("xdist_group")
    return str(group.args[0]) if group else ""


def begin(config: pytest.Config) -> None:
    """Start the warm process, if this is no worker, and take part in the session."""
    if os.environ.get(COLD) == "1" or not warm_forks.possible():
        return
    given = getattr(config, "workerinput", {}).get(NAME) or os.environ.pop(NAME, "")
    if given:
        address = given
    else:
        address, process = start()
        config.add_cleanup(lambda: end(process))
    warm_forks.install()
    config.pluginmanager.register(WarmSession(address), "warm-session")


@contextmanager
def offered() -> Iterator[None]:
    """Offer a warm process to the sessions that are started meanwhile, and fork them from it."""
    if os.environ.get(COLD) == "1" or not warm_forks.possible():
        yield
        return
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    address, process = start()
    warm_forks.install()
    os.environ[NAME] = address
    try:
        yield
    finally:
        del os.environ[NAME]
        end(process)


def start() -> tuple[str, "subprocess.Popen[bytes]"]:
    """Start a warm process; return its address and itself."""
    with ExitStack() as stack:
        *forked, _ = KINDS
        first = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        first.bind("")  # the kernel chooses an address that no file has
        address = first.getsockname()[1:].decode()
        listening = []
        for kind in forked:
            other = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            listening.append(stack.enter_context(other))
            other.bind(f"\0{address}{kind}")
        listening.append(first)
        for one in listening:
            one.listen(128)
        files = [one.fileno() for one in listening]
        process = warm_forks.PLAIN(
            [
                sys.executable,
                "-P",
                "-m",
                "tests.suite.warm_process",
                *map(str, (os.getpid(), *files)),
            ],
            stdin=subprocess.DEVNULL,
            pass_fds=files,
            env={**QUIET, **os.environ, "PYTHONPATH": str(ROOT)},
        )
        return address, process


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a warm process."""
    process.kill()
    process.wait()
