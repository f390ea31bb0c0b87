"""The process in which one method lives: it prepares and solves when the parent says so.

The task server forks it. It has the substrate, never the task: no test case that it is not asked to
solve, no truth, no score, no other method. What goes back is plain data. It ends on request, with an
`end` message that says so; a process that is gone without one has failed, whatever its exit code.
"""

import functools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adabench.harness.contract.card import Point
from adabench.harness.contract.protocols import batch_note, enter_case, most_sessions, rehearse
from adabench.harness.contract.record import Cell
from adabench.harness.errors import MethodContractError, MissingAbility
from adabench.harness.run.case_data import fingerprint, unpickled_case
from adabench.harness.run.channel import Channel
from adabench.harness.run.failure import FAILURES, failure
from adabench.harness.run.guards import product_code, thread_origin
from adabench.harness.run.interventions.permuted_signal import PermutedSignal
from adabench.harness.run.measurement import Measurement, MethodBench
from adabench.harness.run.settings import Settings
from adabench.harness.store import prepared_states, used_artefacts
from adabench.harness.store.prepared_states import PreparedState
from adabench.profilers.memory import give_back


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
            case "load":
                return self._load(message)
            case _:
                return self._solve(message)

    def _prepare(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Take a state from disk, or prepare it and store it."""
        cell, method = Cell(**message["cell"]), self.bench.method
        files = dict(zip(message["files"], message["descriptors"], strict=True))
        used_artefacts.forget()
        stored = prepared_states.load(files.get("stored"), method, self.substrate, cell.point)
        written = False
        if stored is None:
            state, made = self.bench.prepare(cell.point, cell.seed)
            stored = PreparedState(state, _values(made), made.energy)
            written = _write_state(files.get("made"), method, stored)
        for file in files.values():
            os.close(file)
        self.states[message["name"]] = stored.state
        self.trained[message["name"]] = used_artefacts.digests()
        give_back()  # what is left holds the same, whether it was made here or read
        self._refuse_changes()
        return {
            "values": dict(stored.values),
            "energy": [dict(e) for e in stored.energy],
            "trained": self.trained[message["name"]],
            "stored": written,
        }

    def _solve(self, message: dict[str, Any]) -> dict[str, Any]:
        threads = frozenset(threading.enumerate())
        used_artefacts.forget()
        found = self._unchanged(message, message, self.bench.solve, self.substrate)
        self._refuse_threads(threads)
        self._refuse_changes()
        return found.plain() | {"trained": self._trained(message)}

    def _count(self, message: dict[str, Any]) -> dict[str, Any]:
        """Solve many cases once each, under no clock; each is answered at its place.

        After one that lacks an ability no other is tried: all would end alike.
        """
        threads = frozenset(threading.enumerate())
        used_artefacts.forget()
        answers: list[dict[str, Any] | None] = [None] * len(message["cases"])
        jobs = self._jobs(self._count_one, message, answers)
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

    def _load(self, message: dict[str, Any]) -> dict[str, Any]:
        """Solve cases as they come, several in flight; each answer is sent as soon as it is there."""
        if self.permuted is not None:
            raise MissingAbility(
                f"{self.address} gets the signal of another case, and is solved alone.",
                "Leave it out, or leave out --concurrency.",
            )
        threads = frozenset(threading.enumerate())
        used_artefacts.forget()
        jobs = self._jobs(self._load_one, message, [None] * len(message["cases"]))
        since_s = time.monotonic()
        message["due_s"] = [since_s + arrival_s for arrival_s in message["arrivals_s"]]
        self.substrate.solve_batched(jobs, message["in_flight"], message["due_s"])
        self._refuse_threads(threads)
        self._refuse_changes()
        return {"over": True}

    def _load_one(
        self,
        message: Mapping[str, Any],
        sent: dict[str, Any],
        answers: list[dict[str, Any] | None],
        place: int,
        substrate: Any,
    ) -> None:
        """Solve one of the cases in flight, and send what came of it."""
        known = [answer for answer in answers if answer is not None]
        if known and all(map(_is_skipped, known)):
            return
        due_s = message["due_s"][place] if message["due_s"] else None

        def solve(state: Any, case: Any, point: Point, _: frozenset[str]) -> Measurement:
            return self.bench.under_load(substrate, state, case, point, due_s)

        try:
            answer = self._unchanged(message, sent, solve, substrate).plain()
        except FAILURES as problem:
            answer = failure(problem)
        answers[place] = answer
        said = {"note": batch_note(self.substrate), "trained": self._trained(message)}
        self.channel.send({"place": place, "answer": {**answer, **said}})

    def _jobs(
        self,
        solve: Callable[..., None],
        message: dict[str, Any],
        answers: list[dict[str, Any] | None],
    ) -> list[Callable[[Any], None]]:
        """Return what solves each case of a message into a substrate, with the open files of the case."""
        jobs: list[Callable[[Any], None]] = []
        files = message["descriptors"]
        for place, case in enumerate(message["cases"]):
            own, files = files[: case["files"]], files[case["files"] :]
            sent = {**case, "descriptors": own}
            jobs.append(functools.partial(solve, message, sent, answers, place))
        return jobs

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


def _until_skipped(answers: Sequence[dict[str, Any] | None]) -> list[dict[str, Any]]:
    """Return answers up to the first that lacks an ability; what comes after it may not be there."""
    end = next((place for place, one in enumerate(answers) if _is_skipped(one)), len(answers))
    return [answer for answer in answers[: end + 1] if answer is not None]


def _is_skipped(answer: Mapping[str, Any] | None) -> bool:
    return answer is not None and answer.get("failed", {}).get("status") == "skipped"


def _write_state(file: int | None, method: Any, state: PreparedState) -> bool:
    """Write a state into an open file of the run's, and say whether there is one to keep."""
    data = None if file is None else prepared_states.packed(method, state)
    if file is None or data is None:
        return False
    with open(file, "wb", closefd=False) as out:
        out.write(data)
    return True


def _values(found: Measurement) -> dict[str, float]:
    return {**found.values, **found.counts}
