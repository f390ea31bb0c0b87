"""One arm of a gate: a process that lays out a plan or does one step, when told to.

It is a script, not a module of the program: `harness/gate/revisions.py` starts it with the
interpreter of a revision's environment, so whatever it imports is that revision's code. It
therefore asks little of a revision: a plan from words, and the steps of a turn. One line of
JSON comes in, one goes out:

    {"plan": {...}}                 -> {"cells": [...], "sources": {...}}
    {"load": ["task/method", ...]}  -> {"ready": true}
    {"fork": true}                  -> {"ready": true} from a child, which answers from now on
    {"plant": share}                -> {"ready": true}: every loaded method does so much more
    {"exit": true}                  -> {"ready": true} from the parent: the child has ended
    {"turn": [cell, repeat]}        -> {"ready": true}
    {"step": true}                  -> {"record": {...}} | {"known": true} | {"end": true}

Two arms are led in turns, a case here and the same case there, so that what drifts on the
machine drifts under both. What a method prints goes to stderr.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import thread_time
from types import ModuleType
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import AdabenchError
from adabench.harness.plan.grid import plan
from adabench.harness.provenance import environment
from adabench.harness.run.execute import Bench, Settings, Step
from adabench.harness.store import prepared_states
from adabench.profilers.probe import open_probes

WINDOW_S = 0.012
"""Longer than a run's: on a busy machine some sample of a block has to be left undisturbed."""
HASHED = 4096
"""Bytes hashed at a time to be slower: some microseconds."""


def laid_out(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of a selection, in the order of a plan, and the digests of their sources."""
    from adabench.cli.select import Leg, seed_range, wishes

    words = {name: tuple(asked[name]) for name in ("select", "fixed", "swept")}
    leg = Leg(words["select"], words["fixed"], words["swept"], asked["star"])
    turns = plan(wishes([leg]), seeds=seed_range(asked["seeds"]), scale=asked["scale"])
    return {
        "cells": [turn.cell.to_json() for turn in turns],
        "sources": sources(turns),
        "metrics": metrics(turns),
    }


def sources(turns: Iterable[Turn]) -> dict[str, str]:
    """Digest every task's own files under its name, and every method's file under its address."""
    found = {}
    for address in sorted({turn.cell.address for turn in turns}):
        entry, task = registry.find(address), registry.find(address.partition("/")[0])
        if task.address not in found and task.path.is_file():
            own = [path for path in task.path.parent.glob("*.py") if not is_method(path)]
            found[task.address] = environment.source_digest(own)
        if entry.path.is_file():
            found[address] = environment.source_digest([entry.path])
    return found


def metrics(turns: Iterable[Turn]) -> dict[str, list[dict[str, Any]]]:
    """Return what each task's card says of its metrics."""
    tasks = sorted({turn.cell.task for turn in turns})
    return {name: [asdict(metric) for metric in registry.find(name).card.metrics] for name in tasks}


def is_method(path: Path) -> bool:
    """Say whether a file of a task's folder is one of its methods."""
    return path.stem != "task" and registry.read_card(path) is not None


def load(addresses: Iterable[str]) -> list[ModuleType]:
    """Import methods and their tasks, so that forks need not; who fails fails again when run."""
    found = []
    for address in addresses:
        with contextlib.suppress(Exception):
            registry.load(registry.find(address.partition("/")[0]))
            found.append(registry.load(registry.find(address)))
    return found


def planted(solve: Callable[..., Any], share: float) -> Callable[..., Any]:
    """Return the method with more work to do: hashing, for `share` of the time it just took.

    The block is small: hashing a large one would push the method's data out of the caches, and
    the method would be slower by more than was planted.
    """
    block = bytes(HASHED)
    block_s = min(_hashing_s(block) for _ in range(21))

    def slowed(state: Any, case: Any, point: Any, /) -> Any:
        begun = thread_time()
        answer = solve(state, case, point)
        now = thread_time()
        until = now + share * (now - begun) - block_s / 2
        while thread_time() < until:
            hashlib.sha256(block).digest()
        return answer

    return slowed


def _hashing_s(block: bytes) -> float:
    begun = thread_time()
    hashlib.sha256(block).digest()
    return thread_time() - begun


def bench(on_gpu: bool) -> Bench:
    """Return an empty bench with this machine's instruments."""
    probes = open_probes(flops=True, device="cuda" if on_gpu else None)
    timing = [probe for probe in probes if not probe.intrusive]
    intrusive = [probe for probe in probes if probe.intrusive]
    settings = Settings(window_s=WINDOW_S, cache_folder=prepared_states.default_folder())
    return Bench(settings, timing, intrusive)


def stepped(steps: Iterator[Step]) -> dict[str, Any]:
    """Do the next step and return what it recorded."""
    step = next(steps, None)
    if step is None:
        return {"end": True}
    record = step.news()
    return {"record": record.to_json()} if record is not None else {"known": True}


@dataclass
class Desk:
    """What the process holds between orders."""

    bench: Bench | None = None
    steps: Iterator[Step] = field(default_factory=lambda: iter(()))
    modules: Sequence[ModuleType] = ()

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Do what was ordered."""
        match order:
            case {"plan": asked}:
                return laid_out(asked)
            case {"load": addresses}:
                self.modules = load(addresses)
            case {"plant": share}:
                for module in self.modules:
                    vars(module)["solve"] = planted(module.solve, share)
            case {"fork": _}:
                child = os.fork()
                if child:
                    os.waitpid(child, 0)
            case {"exit": _}:
                os._exit(0)
            case {"turn": [cell, repeat]}:
                self.bench = self.bench or bench(cell["scale"] == "gpu")
                self.steps = self.bench.steps(Turn(Cell(**cell), repeat))
            case _:
                return stepped(self.steps)
        return {"ready": True}


def main() -> None:
    """Answer line after line until there is none."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what a method prints is talk
    desk = Desk()
    answers.write(json.dumps({"environment": environment.fingerprint()}) + "\n")
    for line in sys.stdin:
        try:
            answer = desk.answer(json.loads(line))
        except AdabenchError as problem:
            answer = {"refused": [problem.message, problem.hint, problem.exit_code]}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
