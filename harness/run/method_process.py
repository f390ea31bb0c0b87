"""The process in which one method lives: it prepares and solves when the parent says so.

The task server forks it. It has the substrate, never the task: no test case that it is not asked to
solve, no truth, no score, no other method. What goes back is plain data. It ends on request, with an
`end` message that says so; a process that is gone without one has failed, whatever its exit code.
"""

import functools
import gc
import importlib
import os
import pickle
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import batch_note, enter_case, most_sessions, rehearse
from adabench.harness.contract.record import Cell
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import MethodContractError
from adabench.harness.run.case_data import fingerprint, unpickled_case
from adabench.harness.run.channel import Channel
from adabench.harness.run.descendants import die_with_parent
from adabench.harness.run.failure import FAILURES, failure
from adabench.harness.run.guards import product_code, thread_origin
from adabench.harness.run.guards.truth_guard import refuse_truth
from adabench.harness.run.interventions.planted_slowdown import plant_slowdown
from adabench.harness.run.measurement import Measurement, MethodBench
from adabench.harness.run.permuted_signal import PermutedSignal
from adabench.harness.run.settings import Settings, settings_from_json
from adabench.harness.store import prepared_states, used_artefacts
from adabench.harness.store.prepared_states import PreparedState
from adabench.profilers.energy.energy_pass import open_energy
from adabench.profilers.memory import Baseline, give_back, leave_out_compiler
from adabench.profilers.probe import open_probes

MOST_FILES = 250
"""Open files that may come with a message: Linux lets 253 through at once."""


@dataclass
class MethodProcess:
    """What the process holds between messages."""

    channel: Channel
    substrate: Any
    address: str
    settings: Settings
    bench: MethodBench
    code: product_code.Snapshot
    states: dict[str, Any] = field(default_factory=dict)
    cases: dict[int, Any] = field(default_factory=dict)
    """By index: cases that were solved before, and what the substrate runs them against."""
    permuted: PermutedSignal | None = None
    """Of a method that gets another case's signal: what gives it."""
    sessions: dict[str, int] = field(default_factory=dict)
    """By point: how many cases a message solves side by side."""
    trained: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the names of states: the trained artefacts that were read for them."""

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Do what a message says."""
        match message["do"]:
            case "prepare":
                return self._prepare(message)
            case "trace":
                return self._trace(message)
            case "count":
                return self._count(message)
            case _:
                return self._solve(message)

    def _prepare(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Take a state from disk, or prepare it and store it."""
        cell, method = Cell(**message["cell"]), self.bench.method
        path = Path(message["file"]) if message["file"] else None
        used_artefacts.forget()
        stored = prepared_states.load(path, method, self.substrate, cell.point)
        if stored is None:
            state, made = self.bench.prepare(cell.point, cell.seed)
            stored = PreparedState(state, _values(made), made.energy)
            prepared_states.save(path if message["store"] else None, method, stored)
        self.states[message["name"]] = stored.state
        self.trained[message["name"]] = used_artefacts.digests()
        give_back()  # what is left holds the same, whether it was made here or read
        self._refuse_changes()
        return {
            "values": dict(stored.values),
            "energy": [dict(e) for e in stored.energy],
            "trained": self.trained[message["name"]],
        }

    def _solve(self, message: dict[str, Any]) -> dict[str, Any]:
        threads = frozenset(threading.enumerate())
        used_artefacts.forget()
        found = self._unchanged(message, message, self.bench.solve, self.substrate)
        self._refuse_threads(threads)
        self._refuse_changes()
        return _plain(found) | {"trained": self._trained(message)}

    def _count(self, message: dict[str, Any]) -> dict[str, Any]:
        """Solve many cases once each, under no clock; each is answered at its place.

        After one that lacks an ability no other is tried: all would end alike.
        """
        threads, files = frozenset(threading.enumerate()), message["descriptors"]
        used_artefacts.forget()
        answers: list[dict[str, Any] | None] = [None] * len(message["cases"])
        jobs: list[Callable[[Any], None]] = []
        for place, case in enumerate(message["cases"]):
            own, files = files[: case["files"]], files[case["files"] :]
            sent = {**case, "descriptors": own}
            jobs.append(functools.partial(self._count_one, message, sent, answers, place))
        point = repr(sorted(message["point"].items()))
        if point not in self.sessions:
            self.sessions[point] = self._first_sessions(message)
        shared = self.sessions[point] > 1 and len(jobs) > 1
        self._solve_all(point, jobs)
        self._refuse_threads(threads)
        self._refuse_changes()
        return {
            "answers": _until_skipped(answers),
            "trained": self._trained(message),
            "sessions": self.sessions[point],
            "note": batch_note(self.substrate) if shared else "",
        }

    def _count_one(
        self,
        message: Mapping[str, Any],
        sent: dict[str, Any],
        answers: list[dict[str, Any] | None],
        place: int,
        substrate: Any,
    ) -> None:
        """Count one case into a substrate, and put the answer at its place."""
        if any(map(_is_skipped, answers[:place])):
            return
        count = functools.partial(self.bench.count, substrate)
        try:
            found = self._unchanged(message, sent, count, substrate)
            counts, outcome = dict(found.counts), found.outcome
            answers[place] = {"counts": counts, "outcome": outcome, "note": found.note}
        except FAILURES as problem:
            answers[place] = failure(problem)

    def _solve_all(self, point: str, jobs: Sequence[Callable[[Any], None]]) -> None:
        """Do all jobs, several at once where the substrate batches them, and learn how many are worth it."""
        sessions = self.sessions[point]
        if sessions == 1:
            for job in jobs:
                job(self.substrate)
        else:
            advised: int = self.substrate.solve_batched(jobs, sessions)
            self.sessions[point] = self.settings.sessions or advised

    def _first_sessions(self, message: Mapping[str, Any]) -> int:
        """Return how many cases are solved side by side before anything was seen of them.

        Where a case gets another one's signal it is solved alone: the calls of both are told apart by their order.
        """
        if self.permuted is not None:
            return 1
        if self.bench.counting(frozenset(message["count"])):
            return 1
        try:
            most = most_sessions(self.substrate)
        except FAILURES:  # models that cannot be loaded: each case says so
            return 1
        return 1 if most == 1 else self.settings.sessions or most

    def _unchanged(
        self,
        message: Mapping[str, Any],
        sent: dict[str, Any],
        solve: Callable[..., Measurement],
        substrate: Any,
    ) -> Measurement:
        """Let a case be solved, and see that it was left as it was."""
        state = self.states[message["name"]] if message["name"] else substrate
        if self.permuted is not None:
            self._solve_partner(self.permuted, state, message, sent)
        case = self._entered(sent, substrate)
        before = fingerprint(case)
        work = functools.partial(solve, state, case, message["point"], frozenset(message["count"]))
        found = work() if self.permuted is None else self.permuted.replay(work)
        if fingerprint(case) != before:
            raise MethodContractError(
                f"{self.address} changed the case that it was given.",
                "Copy what you want to change; a case belongs to everybody.",
            )
        return found

    def _solve_partner(
        self, permuted: PermutedSignal, state: Any, message: Mapping[str, Any], sent: dict[str, Any]
    ) -> None:
        """Solve the case whose signal another one gets, under no instrument."""
        partner, files = sent.pop("partner"), sent.pop("descriptors", None) or []
        own, others = files[: partner["after"]], files[partner["after"] :]
        sent["descriptors"] = own
        case = self._entered({**partner, "descriptors": others}, self.substrate)
        with permuted.recording():
            self.bench.method.solve(state, case, message["point"])

    def _trained(self, message: Mapping[str, Any]) -> dict[str, str]:
        return {**self.trained.get(message["name"], {}), **used_artefacts.digests()}

    def _entered(self, message: dict[str, Any], substrate: Any) -> Any:
        """Return the case of a message, which is sent once, and hand it to a substrate."""
        index = message["index"]
        with self.bench.memory.ours():  # a case is held for as long as we live
            if message["case"] is not None or message["sizes"]:
                files = message.pop("descriptors", None) or [None]
                self.cases[index] = unpickled_case(message, files[0])
                del message["case"]
            case, environment = self.cases[index]
            enter_case(substrate, case, environment)
        return case

    def _trace(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take one case apart under a profiler that disturbs; nothing of it becomes a record."""
        from adabench.profilers.compute.torch_trace import PLAIN, watch

        case = self._entered(message, self.substrate)
        state = self.states[message["name"]] if message["name"] else self.substrate
        solve = functools.partial(self.bench.method.solve, state, case, message["point"])
        rehearse(self.substrate, solve)
        trace = watch(solve, Path(message["folder"]))
        self.channel.schema = PLAIN
        return {"trace": replace(trace, files=()), "files": [str(path) for path in trace.files]}

    def _refuse_changes(self) -> None:
        changed = self.code.changes()
        if changed:
            raise MethodContractError(
                f"{self.address} changed code that is not its own: {', '.join(changed[:3])}.",
                "A method leaves the substrate, the harness and the clocks as they are.",
            )

    def _refuse_threads(self, before: frozenset[threading.Thread]) -> None:
        """Refuse work that goes on when the answer is there: no clock would see it."""
        left = [thread for thread in threading.enumerate() if thread not in before]
        ours = [thread for thread in left if thread_origin.of(thread) == "method"]
        if ours:
            raise MethodContractError(
                f"{self.address} left a thread running after its answer ({ours[0].name}).",
                "Join every thread before `solve` returns.",
            )


def run_method(end: socket.socket, substrate: Any, order: Mapping[str, Any]) -> NoReturn:
    """Be the process: set up what surrounds the method, import it, answer until told to end."""
    _live_alone(order)
    channel = Channel(end)
    code = 0
    try:
        if order["rules_of"]:
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


def _until_skipped(answers: Sequence[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """Return answers up to the first that lacks an ability; what comes after it may not be there."""
    end = next((place for place, one in enumerate(answers) if _is_skipped(one)), len(answers))
    return [answer for answer in answers[: end + 1] if answer is not None]


def _is_skipped(answer: Mapping[str, Any] | None) -> bool:
    return answer is not None and answer.get("failed", {}).get("status") == "skipped"


def _values(found: Measurement) -> dict[str, float]:
    return {**found.values, **found.counts}


def _plain(found: Measurement) -> dict[str, Any]:
    return {
        "values": dict(found.values),
        "counts": dict(found.counts),
        "metered": dict(found.metered),
        "laps": found.laps,
        "outcome": found.outcome,
        "note": found.note,
        "energy": [dict(said) for said in found.energy],
    }
