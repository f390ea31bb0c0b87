"""Five processes a test session that have imported what others need, and fork.

    python -P -m tests.suite.warm_process PARENT FILE ...     a process, sockets' descriptors

One forks commands and sessions of tests. Others fork task servers, and have imported only what tasks
compute with: each method's process is a fork of a server, and takes the longer the more its server holds.
Libraries of few tasks, and those of models, which take seconds, are held by forks of these two, which import
them when they are asked: who runs no such test does not wait for them.

They import when they are first asked. An order (`start_order.py`) comes as the message of a connection,
with the open files of the process to be; the number of that process goes back, and how it ended. A fork
does what makes it as good as a fresh start (`fresh_start.py`). The answer is 0, and nobody is forked,
where the process to be would differ from this one in what a fork cannot change.

They end with the process that started them, the controller of the test session. Task servers and workers
end with who ordered them, as they would with their parent.
"""

import atexit
import gc
import importlib.machinery
import importlib.util
import os
import select
import selectors
import signal
import socket
import struct
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from adabench.harness.run.descendants import die_with_parent
from tests.suite import warm_forks
from tests.suite.fresh_start import OWN, become
from tests.suite.huge_pages import use_huge_pages
from tests.suite.start_order import (
    END,
    EXTRAS,
    KINDS,
    MODELS,
    NUMBER,
    PROGRAM,
    SERVER,
    SERVERS,
    SESSIONS,
    Inheritance,
    Order,
    inheritance,
    order_from_json,
)

ROOT = str(Path(__file__).parents[2])
BASE = [entry for entry in sys.path if entry != ROOT]
"""`sys.path` of a bare interpreter of this environment."""
COMPILER = "torch._dynamo"
"""What torch imports at the first step of an optimiser, for seconds."""
OF_MODELS = ("transformers.models.llama.modeling_llama", "tokenizers", "openai")
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    SERVERS: (
        SERVER, "numpy", "scipy.linalg", "scipy.special", "torch", COMPILER, "numba", "safetensors",
    ),
    SESSIONS: (
        "pandas", "plotille", "pydantic.type_adapter", "typer",
        "pytest", "_pytest.doctest", "_pytest.legacypath", "execnet", "sortedcontainers",
    ),
}  # fmt: skip
"""What is imported before a process is forked off, beside what the ones before it have, if it is installed."""
WHEN_ASKED: Mapping[str, tuple[str, ...]] = {
    EXTRAS: ("alns", "mabwiser.mab"), MODELS: OF_MODELS, SESSIONS: OF_MODELS,
}  # fmt: skip
"""What a process imports when it is first asked."""
OURS = ("cli", "harness", "reports")
"""Folders of adabench whose modules are all imported; tasks and methods are left to forks."""
ELSEWHERE = ("cli/__main__.py", "reports/notebook/api.py")
"""Files that are shipped under other names."""
AT_START = (
    "BLIS_", "CUDA_", "FORCE_COLOR", "GITHUB_ACTIONS", "GLIBC_", "GOMP_", "HF_", "HOME", "KMP_", "LANG",
    "LC_", "LD_", "MALLOC_", "MKL_", "MPL", "NPY_", "NUMBA_", "NUMEXPR_", "NUMPY_", "OMP_",
    "OPENBLAS_", "PYDANTIC_", "PYTHON", "PYTORCH_", "PY_COLORS", "SETUPTOOLS_",
    "TERMINAL_WIDTH", "TORCH", "TRANSFORMERS_", "TRITON_", "TYPER_", "TZ", "_TYPER_",
)  # fmt: skip
"""How variables begin that an interpreter or a library reads as it starts."""
AT_FORK = (
    "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "PYTHONPATH", "PYTHONSAFEPATH", "TORCHINDUCTOR_CACHE_DIR",
)  # fmt: skip
"""Those of them that a fork obeys: scikit-learn sets the first two for a library that is not loaded here, and
transformers or an optimizer the last."""
CUSTOMS = {"sitecustomize", "usercustomize"}
"""Modules that an interpreter imports as it starts."""
SUFFIXES = tuple(importlib.machinery.all_suffixes())
CREDENTIALS = struct.Struct("3i")
"""Of a peer: its process, its user, its group."""
MESSAGE_BYTES = 1 << 20
MOST_FILES = 64


@dataclass(frozen=True)
class Fork:
    """A process that was ordered."""

    pid: int
    end: int
    """A descriptor that becomes readable when the process has ended."""
    owner: socket.socket
    """The connection of who ordered it."""
    bound: bool
    """Whether it ends with its owner."""


@dataclass
class WarmProcess:
    """What it holds while it waits for orders."""

    listening: socket.socket
    inheritance: Inheritance
    variables: Mapping[str, str]
    imports: frozenset[str]
    """Names of packages and modules at the top that it has imported."""
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    forks: dict[socket.socket, Fork] = field(default_factory=dict)
    """By the connections of their owners."""

    def serve(self) -> tuple[Order, list[int]]:
        """Fork as ordered; return only in a fork, with its order and its open files."""
        self.selector.register(self.listening, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                source = key.fileobj
                if isinstance(key.data, Fork):
                    self._report(key.data)
                elif source is self.listening:
                    self._accept()
                elif isinstance(source, socket.socket) and (found := self._hear(source)):
                    return found

    def _accept(self) -> None:
        """Take a connection of this user's: the kernel asks nobody for a right to this address."""
        connection, _ = self.listening.accept()
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        if CREDENTIALS.unpack(said)[1] == os.getuid():
            self.selector.register(connection, selectors.EVENT_READ)
        else:
            connection.close()

    def _hear(self, connection: socket.socket) -> tuple[Order, list[int]] | None:
        """Take an order, or note that an owner is gone; return what this process is to be, a fork."""
        if connection.fileno() < 0:  # closed since it was looked at
            return None
        try:
            data, files, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, MOST_FILES)
        except ConnectionError:  # it was killed, and did not read the answer
            data, files = b"", []
        if not data:
            self._lose(connection)
            return None
        order, pid = order_from_json(data), 0
        if self._can_be_forked(order):
            pid = os.fork()
            if pid == 0:
                self._leave()
                return order, files
            fork = Fork(pid, os.pidfd_open(pid), connection, order.program.text != PROGRAM)
            self.forks[connection] = fork
            self.selector.register(fork.end, selectors.EVENT_READ, fork)
        for file in files:
            os.close(file)
        with suppress(OSError):
            connection.send(NUMBER.pack(pid))
        return None

    def _report(self, fork: Fork) -> None:
        """Bury a fork, and say how it ended."""
        self.selector.unregister(fork.end)
        os.close(fork.end)
        _, status, took = os.wait4(fork.pid, 0)
        del self.forks[fork.owner]
        with suppress(OSError):
            fork.owner.send(END.pack(status, took.ru_utime + took.ru_stime))
        self._close(fork.owner)

    def _lose(self, connection: socket.socket) -> None:
        """End what is bound to an owner that is gone."""
        fork = self.forks.get(connection)
        if fork is None:
            self._close(connection)
            return
        self.selector.unregister(connection)
        if fork.bound:
            os.kill(fork.pid, signal.SIGKILL)

    def _leave(self) -> None:
        """Close, in a fork, what is not its own: a socket that is collected later would close another."""
        own = [key.fileobj for key in self.selector.get_map().values()]
        for one in (*own, *(fork.owner for fork in self.forks.values())):
            if isinstance(one, socket.socket):
                one.close()
        self.selector.close()

    def _close(self, connection: socket.socket) -> None:
        with suppress(KeyError):
            self.selector.unregister(connection)
        connection.close()

    def _can_be_forked(self, order: Order) -> bool:
        """Say whether a fork can be what is ordered."""
        group = 0 if order.new_session else self.inheritance.group
        return (
            order.inheritance == replace(self.inheritance, group=group)
            and at_start(order.environ) == self.variables
            and Path(order.folder).is_dir()
            and not self._shadows(order)
        )

    def _shadows(self, order: Order) -> bool:
        """Say whether a path that is named has another module in place of one that is imported."""
        for entry in order.environ.get("PYTHONPATH", "").split(os.pathsep):
            folder = Path(order.folder, entry)
            if str(folder) in BASE or not folder.exists():
                continue
            if not folder.is_dir():  # an archive
                return True
            names = self.imports | CUSTOMS
            if importable(folder, namespaces(names)) & names:
                return True
        return False


def importable(folder: Path, parted: set[str]) -> set[str]:
    """Return the names of what a folder would give in place of a module that is imported.

    Python takes a folder without `__init__` for a part of a package that has none either, `parted`, and else
    goes on until it finds a whole package: our `kernels` is not the one that transformers imports.
    """
    with os.scandir(folder) as entries:
        return {
            name
            for entry in entries
            if entry.name.endswith(SUFFIXES) or entry.is_dir()
            if (name := entry.name.partition(".")[0]) in parted
            or not entry.is_dir()
            or any(Path(entry, f"__init__{suffix}").is_file() for suffix in SUFFIXES)
        }


def namespaces(names: Iterable[str]) -> set[str]:
    """Return which of some imported modules are packages without `__init__`."""
    specs = {name: getattr(sys.modules.get(name), "__spec__", None) for name in names}
    return {
        name for name, spec in specs.items()
        if spec is not None and spec.submodule_search_locations is not None and not spec.has_location
    }  # fmt: skip


def at_start(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are read at a start and that a fork cannot obey any more."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(AT_START) and name not in AT_FORK
    }


def import_all(names: Iterable[str]) -> None:
    """Import what is installed of some modules, without collections: what imports make stays."""
    gc.disable()
    sys.path[:] = BASE  # transformers would take our folder `kernels` for a package
    for name in names:
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)


def prepare(kind: str) -> None:
    """Import what forks of a kind and of those that come after it need."""
    ours = found_modules() if kind == SESSIONS else ()
    import_all((*LIBRARIES.get(kind, ()), *ours))
    if kind == SERVERS:
        importlib.import_module(SERVER).start_compiler()
        spare_torch_its_end()


def imported() -> frozenset[str]:
    """Make forks of what is imported cheap; return the names of packages and modules at the top."""
    gc.enable()
    gc.collect()
    gc.freeze()  # a collection in a fork would touch, and so copy, every page
    use_huge_pages()
    return frozenset(name.partition(".")[0] for name in sys.modules) - {OWN}


def spare_torch_its_end() -> None:
    """Let forks not take down what torch made as it was imported: that takes longer than a fork."""
    atexit.unregister(sys.modules[f"{COMPILER}.utils"].dump_compile_times)  # nothing is compiled
    for finalizer in vars(weakref.finalize)["_registry"]:
        finalizer.atexit = False


def found_modules() -> Iterator[str]:
    """Yield the names of adabench's modules that forks share."""
    for folder in OURS:
        for path in sorted(Path(ROOT, folder).rglob("*.py")):
            if str(path.relative_to(ROOT)) not in ELSEWHERE:
                yield ".".join(("adabench", *path.relative_to(ROOT).with_suffix("").parts))


def main() -> None:
    """Wait for orders; in a fork, be what is ordered."""
    die_with_parent()
    if os.getppid() != int(sys.argv[1]):  # it was gone before
        return
    listening = [socket.socket(fileno=int(number)) for number in sys.argv[2:]]
    own, variables = inheritance(new_session=False), at_start(os.environ)
    select.select(listening, [], [])
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the controller decides
    mine = of_my_kind(listening)
    warm_forks.install()
    select.select([mine], [], [])
    order, files = WarmProcess(mine, own, variables, imported()).serve()
    signal.signal(signal.SIGINT, interrupt)
    become(order, files, BASE)


def of_my_kind(listening: list[socket.socket]) -> socket.socket:
    """Become a process of each kind; return where this one is asked, and close the others."""
    *forked, last = KINDS
    for place, kind in enumerate(forked):
        prepare(kind)
        if is_forked_off():
            mine = only(listening, place)
            select.select([mine], [], [])
            import_all(WHEN_ASKED.get(kind, ()))
            return mine
    prepare(last)
    return only(listening, len(forked))


def is_forked_off() -> bool:
    """Fork; say whether this is the new process, which ends with the other one."""
    first = os.getpid()
    if os.fork():
        return False
    die_with_parent()
    if os.getppid() != first:
        os._exit(0)
    return True


def only(listening: list[socket.socket], place: int) -> socket.socket:
    """Return one of the sockets, and close the others."""
    kept = listening.pop(place)
    for other in listening:
        other.close()
    return kept


if __name__ == "__main__":
    main()
