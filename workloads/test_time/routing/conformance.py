"""What every router must obey, ours or a plug-in's.

    source      it names nothing that tells held-out responses (oracles excepted)
    blind       its routes of a question set do not change with the set's number and group, and with
                nothing of a newcomer that it did not ask

`check` yields a sentence per broken rule and nothing for a sound router. It proves nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    CalibrationDesk,
    QuestionSet,
    Reply,
    Routes,
)
from adabench.workloads.test_time.substrate.configurations import (
    Configuration,
    Floats,
    ResponseTable,
)

OFF_LIMITS = frozenset((
    "meter", "enter", "score", "judge", "environment", "oracle_environment", "held_out", "splits",
))  # fmt: skip
RULES = Rules(
    "adabench.workloads.test_time.routing", off_limits=OFF_LIMITS, strings=OFF_LIMITS, who="router"
)
QUESTIONS, WIDTH = 40, 4


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a router."""
    yield from source_problems(RULES, method, card)
    if card.role == "oracle":
        return
    generator = np.random.default_rng(0)
    states = generator.normal(size=(QUESTIONS, WIDTH))
    case = QuestionSet(0, "in", states[:10])
    table = _table(states, (generator.random((QUESTIONS, 3)) < (0.3, 0.5, 0.9)).astype(np.float64))
    first = _routes(method, card, case, table)
    if not np.array_equal(
        first.chosen, _routes(method, card, replace(case, group="out"), table).chosen
    ):
        yield "its routes change with the name of a question set's group"
    yield from _peeks_at_newcomer(method, card, replace(case, newcomer=2), table)


def _peeks_at_newcomer(
    method: ModuleType, card: Card, case: QuestionSet, table: ResponseTable
) -> Iterator[str]:
    """Say whether routes change with answers that were not asked for."""
    seen: set[int] = set()
    first = _routes(method, card, case, table, seen)
    right = table.right.copy()
    unasked = [row for row in range(QUESTIONS) if row not in seen]
    right[unasked, case.newcomer] = 1.0 - right[unasked, case.newcomer]
    second = _routes(method, card, case, replace(table, right=right))
    if not np.array_equal(first.chosen, second.chosen):
        yield "its routes change with answers of a newcomer that it did not ask"


class _WatchedDesk(CalibrationDesk):
    """A desk that writes down which questions were asked."""

    seen: set[int]

    def ask(self, row: int) -> Reply:
        """Answer, and write it down."""
        self.seen.add(row)
        return super().ask(row)


def _routes(
    method: ModuleType,
    card: Card,
    case: QuestionSet,
    table: ResponseTable,
    seen: set[int] | None = None,
) -> Routes:
    desk = _WatchedDesk()
    desk.seen = set() if seen is None else seen
    desk.enter(case, table)
    return desk.account(
        case, method.solve(prepared_state(method, desk, card.defaults), case, card.defaults)
    )


def _table(states: Floats, right: Floats) -> ResponseTable:
    """Return responses of three configurations, each dearer and abler than the one before."""
    names = [Configuration(f"model@{votes}", "policy", votes) for votes in (1, 4, 16)]
    prices = np.tile((1.0, 4.0, 16.0), (len(right), 1))
    levels = np.full(len(right), 3.0)
    return ResponseTable(tuple(names), states, levels, right, prices, prices)
