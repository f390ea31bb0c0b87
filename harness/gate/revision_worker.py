"""The process of one revision: it lays out a plan or does one step, when the gate says so.

The gate starts it by its module name with the interpreter of the revision's environment, so
that this module and whatever it imports are that revision's code. What it is told and what it
answers is `protocol.py`.

Two workers are led in turns, a case here and the same case there, so that what drifts on the
machine drifts under both. What a method prints goes to stderr.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import AdabenchError
from adabench.harness.gate.protocol import PlanAnswer, PlanOrder, greeting, plan_order
from adabench.harness.plan.grid import plan
from adabench.harness.plan.request import PlanRequest, expand
from adabench.harness.provenance import environment, run_sources
from adabench.harness.run.execute import Bench
from adabench.harness.run.settings import Settings
from adabench.harness.run.step import Step
from adabench.harness.store import prepared_states

WINDOW_S = 0.012
"""Longer than a run's: on a busy machine some sample of a block has to be left undisturbed."""


def plan_cells(order: PlanOrder) -> PlanAnswer:
    """Return the cells of a selection, in the order of a plan, and the digests of their sources."""
    selection = PlanRequest(order.select, order.fixed, order.swept, order.star)
    turns = plan(expand([selection]), seeds=order.seeds, scale=order.scale)
    cells = tuple(turn.cell.to_json() for turn in turns)
    return PlanAnswer(cells, run_sources.digests(turns), task_metrics(turns))


def task_metrics(turns: Iterable[Turn]) -> dict[str, list[dict[str, Any]]]:
    """Return what each task's card says of its metrics."""
    tasks = sorted({turn.cell.task for turn in turns})
    return {name: [asdict(metric) for metric in registry.find(name).card.metrics] for name in tasks}


def open_bench() -> Bench:
    """Return an empty bench."""
    return Bench(Settings(window_s=WINDOW_S, cache_folder=prepared_states.default_folder()))


def next_step(steps: Iterator[Step]) -> dict[str, Any]:
    """Do the next step and return what it recorded."""
    step = next(steps, None)
    if step is None:
        return {"end": True}
    record = step.news()
    return {"record": record.to_json()} if record is not None else {"known": True}


@dataclass
class RevisionWorker:
    """What the process holds between orders."""

    bench: Bench = field(default_factory=open_bench)
    steps: Iterator[Step] = field(default_factory=lambda: iter(()))

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Do what was ordered."""
        match order:
            case {"plan": data}:
                return plan_cells(plan_order(data)).to_json()
            case {"load": addresses}:
                for address in addresses:
                    with contextlib.suppress(Exception):  # who fails fails again when run
                        self.bench.preload(registry.find(address))
            case {"plant": share}:
                self.bench.settings = replace(self.bench.settings, slowdown=float(share))
            case {"fork": _} | {"exit": _}:
                self.bench.renew()
            case {"turn": [cell, repeat]}:
                self.steps = self.bench.steps(Turn(Cell(**cell), repeat))
            case _:
                return next_step(self.steps)
        return {"ready": True}


def main() -> None:
    """Answer line after line until there is none."""
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what a method prints is talk
    worker = RevisionWorker()
    answers.write(json.dumps(greeting(environment.fingerprint())) + "\n")
    with contextlib.closing(worker.bench):
        for line in sys.stdin:
            try:
                answer = worker.answer(json.loads(line))
            except AdabenchError as problem:
                answer = {"refused": [problem.message, problem.hint, problem.exit_code]}
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
