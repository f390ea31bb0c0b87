"""The server of a task: it holds what methods share, and forks a process for each of them.

    python -P -m adabench.harness.run.task_server DESCRIPTOR

A fresh interpreter, started by the run. It imports heavy libraries once, receives the substrate of a
block (never its truth, never its cases), lets it load kernels and weights, and forks. A fork shares
all that and costs milliseconds. The server itself computes nothing with threads: a library's pool of
threads does not survive a fork.

It adopts what a method's processes leave behind, counts their descendants, reports who ended and
how, and ends them with everything below them. When the run is gone, it ends them all and itself.
"""

import functools
import gc
import importlib
import os
import pickle
import resource
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import MethodContractError
from adabench.harness.provenance.import_graph import Source
from adabench.harness.provenance.source_digests import named_digest, own, sources_of
from adabench.harness.run.channel import Channel
from adabench.harness.run.descendants import (
    adopt_orphans,
    children,
    count,
    die_with_parent,
    end_tree,
)
from adabench.harness.run.failure import FAILURES, failure
from adabench.harness.run.guards import product_code, server_threads, thread_origin
from adabench.harness.run.guards.method_domain import LocalPlaces
from adabench.harness.run.guards.truth_guard import refuse_truth
from adabench.harness.run.interventions.permuted_signal import PermutedSignal
from adabench.harness.run.interventions.planted_slowdown import plant_slowdown
from adabench.harness.run.measurement import MethodBench
from adabench.harness.run.method_process import MethodProcess
from adabench.harness.run.settings import settings_from_json
from adabench.profilers.energy.energy_pass import open_energy
from adabench.profilers.memory import Baseline, give_back, leave_out_compiler
from adabench.profilers.probe import open_probes

LOOK_S = 0.1
"""So often descendants are counted while a method lives; a look costs some 20 us a method."""
MOST_FILES = 250
"""Open files that may come with a message: Linux lets 253 through at once."""


@dataclass
class TaskServer:
    """What the server holds: the channel to the run, the substrate, and living methods."""

    channel: Channel
    wakeup: int
    """Becomes readable when a child has ended."""
    places: LocalPlaces = field(default_factory=LocalPlaces)
    substrate: Any = None
    held: dict[str, Any] = field(default_factory=dict)
    """Substrates by the names of their blocks; the one used last comes last."""
    compiler: bool = False
    """Whether numba's compiler has been started."""
    seen: set[Source] = field(default_factory=set)
    """Methods whose sources were read."""
    methods: dict[int, int] = field(default_factory=dict)
    """By process id: how many descendants it may have."""
    strays: set[int] = field(default_factory=set)
    """Threads that a task's `warm` left behind, by the kernel's numbers."""
    ending: dict[int, str] = field(default_factory=dict)
    """Why a method was ended, by process id."""

    def serve(self) -> None:
        """Do what the run says until it is gone."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            selector.register(self.wakeup, selectors.EVENT_READ)
            while True:
                ready = selector.select(LOOK_S if self.methods else None)
                for key, _ in ready:
                    if key.fileobj is self.channel and not self._listen():
                        return
                    if key.fileobj == self.wakeup:
                        os.read(self.wakeup, 4096)
                self._reap()
                if not ready:
                    self._refuse_crowds()

    def _listen(self) -> bool:
        message, descriptors = self.channel.receive_with(1)
        if message is None:
            return False
        match message["do"]:
            case "load":
                self._reply(self._load, message)
            case "import":
                self._reply(self._import, message)
            case "start":
                [descriptor] = descriptors
                self._start(socket.socket(fileno=descriptor), message)
            case "end":
                self.ending.setdefault(message["pid"], "")
                end_tree(message["pid"])
        return True

    def _reply(self, work: Any, message: Mapping[str, Any]) -> None:
        try:
            work(message)
            self.channel.send({"ready": True})
        except FAILURES as problem:
            self.channel.send(failure(problem))

    def _load(self, message: Mapping[str, Any]) -> None:
        """Take a block's substrate in place of the one used longest ago, or take up a held one."""
        block, self.substrate = message["block"], None
        if block in self.held:
            self.substrate = self.held[block] = self.held.pop(block)
            return
        while len(self.held) >= message["most"]:
            self.held.pop(next(iter(self.held)))
        with uncollected():
            self.substrate = pickle.loads(message["substrate"])  # from the run, our own parent
        warm = getattr(self.substrate, "warm", None)
        if warm is not None:
            self._warm(warm, message["task"])
        self.held[block] = self.substrate
        gc.collect()
        give_back()  # what a method takes is seen only where it needs new pages
        gc.freeze()  # a collection in a child would touch, and so copy, every page

    def _warm(self, warm: Callable[[], None], task: str) -> None:
        """Let a substrate load kernels and weights.

        Raises:
            MethodContractError: if a thread is left that was not there before.
        """
        if sys.modules.keys() & {"numba", "torch"}:
            import_blas()
        before = server_threads.living().keys() - self.strays
        warm()
        started = server_threads.started_since(before)
        self.strays |= started.keys()
        if started:
            raise MethodContractError(
                f"{task}: warm() may not start threads: {'; '.join(started.values())}. A method "
                "that is forked now could wait for ever for a lock that one of them holds.",
                "Join them before it returns, hold libraries to one thread, and import them at the "
                "top of the module.",
            )

    def _import(self, message: Mapping[str, Any]) -> None:
        """Import what a method will need, and read its source for the keys of compiled kernels."""
        source = Source(message["module"], Path(message["path"]))
        if source in self.seen:
            return
        self.seen.add(source)
        with uncollected():
            for module in message["modules"]:
                with suppress(*FAILURES):  # the method will meet it again, and say so
                    importlib.import_module(module)
        with suppress(*FAILURES):
            named_digest(own(sources_of(source)))
        if "numba" in message["modules"] and not self.compiler:
            self.compiler = True
            start_compiler()

    def _start(self, end: socket.socket, order: Mapping[str, Any]) -> None:
        self._import(order)
        enter, scratch = self.places.ready(order["needs"])
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            self.channel.close()
            os.close(self.wakeup)
            run_method(end, self.substrate, order, enter)
        end.close()
        self.methods[pid] = order["descendants"]
        self.places.scratches[pid] = scratch
        self.channel.send({"started": pid})

    def _reap(self) -> None:
        """Report methods that have ended; what they left behind goes with them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.methods.pop(pid, None) is not None:
                with suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
                self.places.forget(pid)
                code, why = os.waitstatus_to_exitcode(status), self.ending.pop(pid, "")
                self.channel.send({"ended": pid, "code": code, "why": why})
            self._end_orphans()

    def _end_orphans(self) -> None:
        for pid in set(children(os.getpid())) - self.methods.keys():
            end_tree(pid)

    def _refuse_crowds(self) -> None:
        for pid, most in list(self.methods.items()):
            if pid not in self.ending and count(pid, most) > most:
                self.ending[pid] = f"it had more than {most} processes below it"
                end_tree(pid)
        self._end_orphans()

    def close(self) -> None:
        """End every method that lives."""
        for pid in list(self.methods):
            end_tree(pid)
        self._end_orphans()


@contextmanager
def uncollected() -> Iterator[None]:
    """Import without collections: what imports make stays, and looking for waste takes a third of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def import_blas() -> None:
    """Import what numba's first kernel and transformers import: its threads survive a fork."""
    with suppress(ImportError):
        importlib.import_module("scipy.linalg")


def start_compiler() -> None:
    """Compile a function of a few lines: what numba sets up for its first is then inherited.

    It starts no thread: only parallel functions do, when they run.
    """
    import numba
    import numpy as np

    @numba.njit
    def total(values: Any) -> Any:
        found = 0.0
        for i in range(len(values)):
            found += values[i]
        return found

    total(np.zeros(2))


def run_method(
    end: socket.socket, substrate: Any, order: Mapping[str, Any], enter: Callable[[], object]
) -> NoReturn:
    """Be the process: set up what surrounds the method, enter its domain, import it, answer until told to end."""
    _live_alone(order)
    channel = Channel(end)
    code = 0
    try:
        if _guarded(channel, enter) is None:
            code = 1
        elif order["rules_of"]:
            _guarded(channel, lambda: channel.send({"problems": _own_rules(order)}))
        else:
            process = _guarded(channel, lambda: _open(channel, substrate, order))
            if process is not None:
                _serve(process)
    except OSError:  # the parent has gone
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def _own_rules(order: Mapping[str, Any]) -> list[str]:
    """Return what the rules of its task find wrong with a method; they may know the truth."""
    entry: Entry = pickle.loads(order["entry"])  # finding them again would read every card
    task = registry.load(pickle.loads(order["rules_of"]))
    return list(task.check(registry.load(entry), entry.card))


def _serve(process: MethodProcess) -> None:
    channel, method = process.channel, process.bench.method
    channel.send({f"{verb}s": hasattr(method, verb) for verb in ("solve", "prepare")})
    while (message := _received(channel)) is not None:
        if message["do"] == "end":
            channel.send({"end": True})
            return
        _guarded(channel, functools.partial(_reply, process, message))


def _received(channel: Channel) -> dict[str, Any] | None:
    """Return the next message, with the open files that came with it."""
    message, files = channel.receive_with(MOST_FILES)
    return message if message is None else {**message, "descriptors": files}


def _reply(process: MethodProcess, message: dict[str, Any]) -> None:
    process.channel.send(process.answer(message))


def _guarded(channel: Channel, work: Callable[[], Any]) -> Any:
    """Return what work returns, or send what it raised and return None."""
    try:
        return work()
    except FAILURES as problem:
        channel.send(failure(problem))
        return None


def _live_alone(order: Mapping[str, Any]) -> None:
    """Become a group of our own, to be ended as one; what is printed is talk."""
    os.setsid()
    die_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(2, 1)
    memory_bytes = order["memory_bytes"]
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def _open(channel: Channel, substrate: Any, order: Mapping[str, Any]) -> MethodProcess:
    entry: Entry = pickle.loads(order["entry"])  # finding it again would take 40 ms
    channel.schema = [_class(module, name) for module, name in order["outcomes"]]
    if entry.card.role == "oracle":
        substrate = pickle.loads(order["oracle"]) if order["oracle"] else substrate
    else:
        refuse_truth()
    settings = settings_from_json(order["settings"])
    permuted = PermutedSignal() if entry.permuted else None
    if permuted is not None:
        permuted.wrap(entry.card.signal)
    thread_origin.note_starts(entry.module)
    metered = settings.energy or settings.meters
    memory = Baseline()
    with memory.ours():
        probes = open_probes(flops=True, device=order["device"], counters=False, baseline=memory)
        energy = open_energy(order["device"] or "cpu", settings.meters) if metered else None
        code = product_code.snapshot(entry.module)
    method = registry.load(entry)
    leave_out_compiler(memory)
    if permuted is not None:
        vars(method)["solve"] = permuted.from_first_call(method.solve)
    if settings.slowdown:
        vars(method)["solve"] = plant_slowdown(method.solve, settings.slowdown)
    bench = MethodBench(
        method, substrate, settings,
        [probe for probe in probes if not probe.intrusive],
        [probe for probe in probes if probe.intrusive],
        energy, memory,
    )  # fmt: skip
    gc.collect()
    return MethodProcess(
        channel, substrate, entry.address, settings, bench, code, permuted=permuted
    )


def _class(module: str, name: str) -> type:
    """Return a class of the substrate by its module and name."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    assert isinstance(found, type)
    return found


def main() -> None:
    """Be the server."""
    die_with_parent()
    adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the run decides; it closes the channel
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    server = TaskServer(Channel(socket.socket(fileno=int(sys.argv[1]))), reading)
    try:
        server.serve()
    except (OSError, EOFError):  # the run has gone
        pass
    finally:
        server.close()
        server.places.close()
        gc.unfreeze()  # libraries in C++ complain of objects that nobody could collect


if __name__ == "__main__":
    main()
