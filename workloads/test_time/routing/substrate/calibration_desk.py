"""What methods get on `routing`: responses of calibration questions, and a newcomer that can be asked.

    table = desk.responses(share)          what the known configurations answered; each response counts
    reply = desk.ask(row)                  the newcomer answers one of these questions; it counts too
    rows = case.dealt(die, share, count)   a share of so many questions, by a die
    return Routes(chosen, difficulties, ability)

`chosen` [settings, n] says for each setting of a method's dial which configuration each question of the
case gets, as its place in the list of all. Questions of the case are prompts' states and nothing else: not
one response to them is here. Of a newcomer only what was asked is known, its price too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.harness.store import used_artefacts
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.test_time.substrate.configurations import Floats, ResponseTable

NOBODY = -1
"""The newcomer of a case in which every configuration is known."""


@dataclass(frozen=True, eq=False)
class QuestionSet:
    """A case: questions that are to be routed."""

    index: int
    group: str
    states: Floats
    """[n, D], of their prompts."""
    newcomer: int = NOBODY
    """The configuration that no response is known of, by its place in the list."""
    seed: int = 0
    """Of the run."""

    def dealt(self, die: int, share: float, count: int) -> list[int]:
        """Return a share of so many calibration questions, one at least, in the order of a die."""
        order = np.random.default_rng(mix(die, self.seed, self.index)).permutation(count)
        return [int(row) for row in order[: max(1, round(share * count))]]


@dataclass(frozen=True)
class Reply:
    """What the newcomer made of a question."""

    right: float
    flops: float


@dataclass(frozen=True, eq=False)
class Routes:
    """A method's answer."""

    chosen: NDArray[np.intp]
    """[settings, n], places in the list of all configurations."""
    difficulties: Floats | None = None
    """[n], if the method has any."""
    ability: float | None = None
    """Of the newcomer, if the method has abilities."""


@dataclass
class CalibrationDesk:
    """What methods get."""

    artefacts: Mapping[str, str] = field(default_factory=dict)
    """The responses: their name and file."""
    meter: Meter = field(default_factory=Meter)
    _case: QuestionSet | None = None
    _table: ResponseTable | None = None

    def enter(self, case: QuestionSet, table: ResponseTable) -> None:
        """Take the calibration questions of the case that is routed next."""
        self._case, self._table = case, table

    def responses(self, share: float = 1.0) -> ResponseTable:
        """Return what known configurations answered to a share of the questions, the first ones.

        The newcomer stands in the list, its answers as not a number.
        """
        case, table = self._open()
        count = max(1, round(share * len(table.right)))
        known = table.rows(np.arange(count))
        columns = len(table.configurations) - (case.newcomer != NOBODY)
        self.meter["responses"] += count * columns
        for column in (known.right, known.generated, known.flops):
            if case.newcomer != NOBODY:
                column[:, case.newcomer] = np.nan
        return known

    def ask(self, row: int) -> Reply:
        """Let the newcomer answer a calibration question.

        Raises:
            MethodContractError: if there is no newcomer, or no such question.
        """
        case, table = self._open()
        if case.newcomer == NOBODY or not 0 <= row < len(table.right):
            raise MethodContractError(
                f"Nobody new is here to answer question {row}.",
                "Ask a newcomer about a question of the table, where a case has one.",
            )
        self.meter["responses"] += 1
        self.meter["asked"] += 1
        place = case.newcomer
        return Reply(float(table.right[row, place]), float(table.flops[row, place]))

    def ask_all(self, rows: Sequence[int]) -> tuple[Floats, float]:
        """Let the newcomer answer questions; return which are right [n], and the mean FLOPs.

        Raises:
            MethodContractError: if there is no newcomer, or no such question.
        """
        replies = [self.ask(row) for row in rows]
        right = np.array([reply.right for reply in replies])
        return right, float(np.mean([reply.flops for reply in replies]))

    def account(self, case: QuestionSet, routes: object) -> Routes:
        """Return routes that are some.

        Raises:
            MethodContractError: if they lead to no configuration, or are of other questions.
        """
        _, table = self._open()
        most = len(table.configurations)
        if not isinstance(routes, Routes) or not _is_sound(routes, len(case.states), most):
            raise MethodContractError(
                f"The answer to question set {case.index} is no Routes of its {len(case.states)} "
                "questions.",
                f"Return Routes with places of 0..{most - 1}, one for each setting and question.",
            )
        return routes

    def _open(self) -> tuple[QuestionSet, ResponseTable]:
        """Return case and table, and note whose responses these are."""
        assert self._case is not None, "a case was entered"
        assert self._table is not None, "a case was entered"
        for name, path in self.artefacts.items():
            used_artefacts.note(name, Path(path))
        return self._case, self._table


def _is_sound(routes: Routes, questions: int, configurations: int) -> bool:
    chosen = np.asarray(routes.chosen)
    fits = chosen.ndim == 2 and chosen.shape[1] == questions and len(chosen) > 0
    others = (routes.difficulties, routes.ability)
    return bool(
        fits
        and np.issubdtype(chosen.dtype, np.integer)
        and chosen.min() >= 0
        and chosen.max() < configurations
        and all(one is None or np.isfinite(one).all() for one in others)
        and (routes.difficulties is None or len(routes.difficulties) == questions)
    )
