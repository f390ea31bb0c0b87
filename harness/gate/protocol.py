"""What a gate and the process of a revision say to each other. Frozen: a change is a new VERSION.

The gate that runs is of one revision, and the worker that it starts (`revision_worker.py`, by
module name) is of another, so nothing but these lines may be taken for granted between them.
A revision without this module, or with another VERSION, cannot be measured; the gate says so
before it measures anything. One line of JSON goes in, one comes out:

                                    -> {"protocol": 1, "environment": {...}} on starting
    {"plan": PlanOrder}             -> PlanAnswer
    {"load": ["task/method", ...]}  -> {"ready": true}
    {"fork": true}                  -> {"ready": true} from a child, which answers from now on
    {"plant": share}                -> {"ready": true}: every loaded method does so much more
    {"exit": true}                  -> {"ready": true} from the parent: the child has ended
    {"turn": [cell, repeat]}        -> {"ready": true}
    {"step": true}                  -> {"record": {...}} | {"known": true} | {"end": true}
    anything that cannot be done    -> {"refused": [message, hint, exit code]}

A cell is the JSON form of `record.Cell`, a record that of `record.Record`: a change of either is a
change of this protocol. The module imports the standard library alone, so that asking a revision
for its VERSION costs nothing and cannot fail for another reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1
MODULE = __name__
WORKER = "adabench.harness.gate.revision_worker"


@dataclass(frozen=True)
class PlanOrder:
    """The selection that a revision lays out as cells."""

    select: tuple[str, ...]
    fixed: tuple[str, ...]
    swept: tuple[str, ...]
    star: bool
    seeds: tuple[int, ...]
    scale: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class PlanAnswer:
    """What a revision says it would run."""

    cells: tuple[Mapping[str, Any], ...]
    """In the order of its plan."""
    sources: Mapping[str, str]
    """Digests of its tasks and methods, by address."""
    metrics: Mapping[str, Sequence[Mapping[str, Any]]]
    """Of each task's card, with the fields of `card.Metric`."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


def greeting(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line that a worker begins with."""
    return {"protocol": VERSION, "environment": dict(environment)}


def plan_order(data: Mapping[str, Any]) -> PlanOrder:
    """Read what `PlanOrder.to_json` returned."""
    words = {name: tuple(data[name]) for name in ("select", "fixed", "swept", "seeds")}
    return PlanOrder(**words, star=data["star"], scale=data["scale"])


def plan_answer(data: Mapping[str, Any]) -> PlanAnswer:
    """Read what `PlanAnswer.to_json` returned."""
    return PlanAnswer(tuple(data["cells"]), data["sources"], data["metrics"])
