"""The task `routing`: splits of really generated responses, and what routes are worth on the held-out ones.

Seeds of a run take the collections of responses in turn. One fifth of the questions is held out, another by each of
five seeds; later seeds deal the questions anew. `in`: routers learn from the other four fifths. `out`: from their
questions with up to four large factors, and route those with more that were held out. `added`: as `in`, for each
configuration in turn, of which nothing is known until it is asked.

**Hypervolume.** Each setting of a dial is a point of mean FLOPs, over those of the dearest configuration, and
accuracy, both of the responses that the chosen configurations really gave. The hypervolume is the area
that the points dominate up to cost 1: at each cost the best accuracy for no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.stats import spearmanr

from adabench.harness.contract.protocols import Meter
from adabench.workloads.test_time.chain.substrate.configuration_pool import (
    FIRST,
    collection_name,
    read_responses,
    responses_file,
)
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    NOBODY,
    CalibrationDesk,
    QuestionSet,
    Routes,
)
from adabench.workloads.test_time.substrate.configurations import FIFTHS, Floats, ResponseTable
from adabench.workloads.test_time.substrate.item_response import ability, fit

EASY_LEVEL = 4
"""The most large factors of questions that are learned from where harder ones are routed."""
ENOUGH = 0.9
"""The share of the dearest configuration's accuracy whose price is asked for."""


@dataclass(frozen=True, eq=False)
class Split:
    """A case with what routers learn from, and what its routes are held against."""

    case: QuestionSet
    calibration: ResponseTable
    held_out: ResponseTable


@dataclass(frozen=True, eq=False)
class Hindsight:
    """What an oracle sees of a case: the held-out responses."""

    table: ResponseTable


@dataclass
class HindsightDesk(CalibrationDesk):
    """What an oracle gets."""

    held_out: ResponseTable | None = None

    def enter(self, case: QuestionSet, table: ResponseTable | Hindsight) -> None:
        """Take the responses that routes are held against."""
        self.held_out = table.table if isinstance(table, Hindsight) else table
        super().enter(case, self.held_out)


@dataclass(frozen=True, eq=False)
class RoutingTask:
    """Question sets, and the scorer of routes."""

    splits: tuple[Split, ...]
    responses: str = FIRST
    """The name of the collection."""
    meter: Meter = field(default_factory=Meter)

    def cases(self) -> Iterator[QuestionSet]:
        """Yield the question sets."""
        yield from (split.case for split in self.splits)

    @property
    def artefacts(self) -> dict[str, str]:
        """Return whose responses these are."""
        path = responses_file(self.responses)
        return {path.stem: str(path)}

    def substrate(self) -> CalibrationDesk:
        """Return what methods get."""
        return CalibrationDesk(self.artefacts)

    def oracle_substrate(self) -> HindsightDesk:
        """Return what an oracle gets."""
        return HindsightDesk(self.artefacts)

    def environment(self, case: QuestionSet) -> ResponseTable:
        """Return the calibration questions of a case."""
        return self.splits[case.index].calibration

    def oracle_environment(self, case: QuestionSet) -> Hindsight:
        """Return the held-out responses."""
        return Hindsight(self.splits[case.index].held_out)

    def judge(self, case: QuestionSet, routes: Routes) -> Mapping[str, float]:
        """Hold routes against what the chosen configurations answered."""
        split = self.splits[case.index]
        graded = grade(routes, split.held_out)
        if routes.ability is not None and case.newcomer != NOBODY:
            full = self._full_abilities[case.newcomer]
            graded["ability"], graded["ability_full"] = routes.ability, full
            graded["ability_error"] = abs(routes.ability - full)
        return graded

    def score(self, case: QuestionSet, routes: Routes) -> Mapping[str, float]:
        """Judge routes, if they are some."""
        desk = self.substrate()
        desk.enter(case, self.environment(case))
        return self.judge(case, desk.account(case, routes))

    @cached_property
    def _full_abilities(self) -> dict[int, float]:
        """Return each newcomer's ability by all calibration questions, on the scale of the others."""
        found = {}
        for split in self.splits:
            place, table = split.case.newcomer, split.calibration
            if place != NOBODY and place not in found:
                model = fit(table.states, np.delete(table.right, place, axis=1))
                found[place] = ability(*model.items(table.states), table.right[:, place])
        return found


def routing_task(seed: int, questions: int, repeats: int) -> RoutingTask:
    """Return the question sets of a run's seed, of the first so many questions of its collection, of all for 0.

    Raises:
        EnvironmentProblem: if the responses are not there.
    """
    name = collection_name(seed)
    return RoutingTask(splits_of(seed, questions, repeats, name), name)


def pooled_responses() -> tuple[tuple[str, ...], Floats, Floats, Floats]:
    """Return the names of the configurations, and of every question of all collections what they answered.

    Right answers and FLOPs are [questions, configurations], levels [questions].

    Raises:
        EnvironmentProblem: if the responses are not there.
    """
    names = dict.fromkeys(map(collection_name, range(FIFTHS)))
    tables = [read_responses(name) for name in names]
    parts = [(one.right, one.flops, one.levels) for one in tables]
    right, flops, levels = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return tuple(one.name for one in tables[0].configurations), right, flops, levels


def splits_of(seed: int, questions: int, repeats: int, name: str = FIRST) -> tuple[Split, ...]:
    """Return the question sets of a run's seed, of the first so many questions, of all for 0.

    Each newcomer comes `repeats` times: dice fall differently.

    Raises:
        EnvironmentProblem: if the responses are not there.
    """
    table = read_responses(name)
    table = table.rows(np.arange(min(questions or len(table.right), len(table.right))))
    order = np.random.default_rng(seed // FIFTHS).permutation(len(table.right))
    is_held = np.arange(len(order)) % FIFTHS == seed % FIFTHS
    others, held_out = table.rows(order[~is_held]), table.rows(order[is_held])
    easy, hard = others.levels <= EASY_LEVEL, held_out.levels > EASY_LEVEL
    made = [
        ("in", others, held_out, NOBODY),
        ("out", others.rows(easy), held_out.rows(hard), NOBODY),
    ]
    newcomers = [*range(len(table.configurations))] * repeats
    made += [("added", others, held_out, place) for place in newcomers]
    return tuple(
        Split(QuestionSet(index, group, held.states, newcomer, seed), known, held)
        for index, (group, known, held, newcomer) in enumerate(made)
    )


def grade(routes: Routes, table: ResponseTable) -> dict[str, float]:
    """Return what routes are worth on a table of responses."""
    points = front(routes, table)
    dearest = table.flops.mean(axis=0).argmax()
    enough = points[points[:, 1] >= ENOUGH * table.right[:, dearest].mean()]
    price = min(1.0, float(enough[:, 0].min())) if len(enough) else 1.0
    graded = {
        "hypervolume": hypervolume(points),
        "price_at_90": price,
        "saved_at_90": 1.0 - price,
        "configurations": float(len(np.unique(routes.chosen))),
    }
    if routes.difficulties is not None:
        wrong = 1.0 - table.right.mean(axis=1)
        graded["difficulty_level"] = correlation(routes.difficulties, table.levels)
        graded["difficulty_errors"] = correlation(routes.difficulties, wrong)
        graded["difficulty_within"] = within(routes.difficulties, wrong, table.levels)
    return graded


def front(routes: Routes, table: ResponseTable) -> Floats:
    """Return cost, over the dearest configuration's, and accuracy of each setting: [settings, 2]."""
    each = np.arange(len(table.right))
    costs = table.flops[each, routes.chosen].mean(axis=1) / table.flops.mean(axis=0).max()
    return np.stack((costs, table.right[each, routes.chosen].mean(axis=1)), axis=1)


def hypervolume(points: Floats) -> float:
    """Return the area that points [n, 2] of cost and accuracy dominate, up to cost 1."""
    by_cost = points[np.argsort(points[:, 0], kind="stable")]
    edges = np.clip(np.append(by_cost[:, 0], 1.0), 0.0, 1.0)
    return float((np.diff(edges) * np.maximum.accumulate(by_cost[:, 1])).sum())


def correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation; 0 where either does not vary."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def within(one: Floats, other: Floats, levels: Floats) -> float:
    """Return the mean rank correlation among questions of equal level, by how many these are."""
    parts = [levels == level for level in np.unique(levels)]
    sizes = np.array([part.sum() for part in parts], np.float64)
    found = np.array(
        [correlation(one[part], other[part]) if part.sum() > 2 else 0.0 for part in parts]
    )
    return float((sizes * found).sum() / sizes.sum())
