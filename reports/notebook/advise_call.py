"""`adabench.advise`: what pays on a model, within some minutes: samples are drawn once, rules run on them, and it is said.

    samples      a bank of greedy answers and N samples (`draw_bank` of `text`): most of the time
    selections   votes, best of N, stop rules, on the bank: the same samples for all, in seconds
    searches     beam, REBASE and ETS on the model itself, on as many of the questions as the rest of the time lets

What of it is told is in `harness/decision/advice.py`.
"""

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from time import monotonic, strftime
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.contract.record import Record
from adabench.harness.decision.advice import Advice, AdviceLimits, Answered, advice_of
from adabench.harness.errors import MissingAbility
from adabench.harness.notebook import run_arguments as words
from adabench.harness.plan.grid import read_conditions
from adabench.harness.plan.quantities import Prices, read_prices
from adabench.harness.store import run_folder
from adabench.reports.notebook.run_call import run
from adabench.reports.notebook.run_view import Run

TASK, BASELINE = "text", "greedy"
SELECTIONS = (
    "greedy", "majority", "best_of_n", "judged_vote", "adaptive_consistency", "ttspm",
)  # fmt: skip
CEILING = "pass_at_n"
"""An oracle: how many questions have a right answer among their samples; nobody can choose it."""
SEARCHES = ("beam", "rebase", "ets")
WIDTH = 4
"""Branches of a search."""
SAMPLES, DRAWING, FEWEST = 8, 0.65, 8
"""Samples of a question; the share of the time that drawing gets; the fewest questions worth a search."""
STEPWISE = 3.0
"""How many times as long a word of a search takes as one of a batch of samples, about; searches are sized by it."""
TIMED = 3
"""Questions that are timed for a deadline."""
LINE_EVERY_S = 10.0
ENDING_S = 15.0
"""Seconds left for what follows the searches."""


@dataclass(frozen=True)
class ModelAdvice:
    """What was found, and where it lies."""

    advice: Advice
    folder: Path
    """The bank, and a run beside it for each part."""
    runs: tuple[Run, ...]
    ceiling: float
    """Of the questions, those with a right answer among their samples."""
    spent_s: float

    @property
    def sentence(self) -> str:
        """What to use, in one sentence."""
        return self.advice.sentence

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            **asdict(self.advice),
            "ceiling": self.ceiling,
            "folder": str(self.folder),
            "runs": [str(one.folder) for one in self.runs],
            "spent_s": round(self.spent_s, 1),
        }


def advise(
    model: str | None = None, data: str | Path | None = None, *, time: float | str = "5m",
    judge: str | None = None, device: str | None = None, dtype: str | None = None,
    chat: bool = True, set: Mapping[str, words.Value] | None = None, samples: int = SAMPLES,
    seed: int = 0, price: str | None = None, max_cost: float = math.inf,
    deadline: float | str | None = None, workers: int = 0, out: str | Path | None = None, progress: bool = True,
) -> ModelAdvice:  # fmt: skip
    """Say what test-time compute buys on a model and on questions, within some minutes.

    `price` is money for a million tokens, `"in=0.15,out=0.6"`; `max_cost` how many times the tokens
    of a greedy answer an option may take; `deadline` how long an answer may take, for which some are timed.
    `workers` processes draw samples at once; 0 are what cores and memory allow. `out` is a new folder, or one of an advice to go on with: its samples stay.

    Raises:
        SelectionError: for a name or a value that makes no sense.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    named = words.sources(
        set, model=model, judge=judge, data=data, device=device, dtype=dtype,
        chat=None if chat else "off",
    )  # fmt: skip
    conditions = read_conditions(registry.find(TASK).card, words.fixed_words(named))
    budget_s = words.seconds(time) or 0.0
    work = _Work(conditions, budget_s, samples, seed, workers, progress, _folder(out))
    prices = None if price is None else read_prices(price)
    deadline_s = words.seconds(deadline)
    return work.advice(
        prices, AdviceLimits(max_cost, math.inf if deadline_s is None else deadline_s)
    )


@dataclass
class _Work:
    """An advice under way."""

    conditions: dict[str, Scalar]
    budget_s: float
    samples: int
    seed: int
    workers: int
    progress: bool
    folder: Path

    def __post_init__(self) -> None:
        self.began_s = self.spoke_s = monotonic()

    @property
    def left_s(self) -> float:
        return self.began_s + self.budget_s - monotonic()

    def advice(self, prices: Prices | None, limits: AdviceLimits) -> ModelAdvice:
        """Draw, run, and say what is found."""
        slowest_s = self._slowest_s() if math.isfinite(limits.deadline_s) else {}
        questions, sample_s = self._drawn()
        runs = [self._selections(questions)]
        searched = self._searches(questions, sample_s)
        runs += [searched] if searched is not None else []
        found: dict[str, dict[int, Answered]] = {}
        for one in runs:
            for name, answers in answers_of(run_folder.records(one.folder)).items():
                found.setdefault(name, {}).update(answers)
        oracle = answers_of(run_folder.records(runs[0].folder), oracles=True)
        right = [one.right for one in oracle.get(f"{CEILING}(N={self.samples})", {}).values()]
        return ModelAdvice(
            advice_of(found, BASELINE, prices, limits, slowest_s), self.folder, tuple(runs),
            sum(right) / len(right) if right else math.nan, monotonic() - self.began_s,
        )  # fmt: skip

    def _drawn(self) -> tuple[int, float]:
        """Draw a bank; return its questions, and the seconds of a sample in a batch."""
        package = registry.find(TASK).module.rpartition(".")[0]
        marks: list[tuple[float, int]] = []

        def say(there: int, wanted: int) -> None:
            marks.append((monotonic(), there))
            if self.progress and monotonic() - self.spoke_s > LINE_EVERY_S:
                self.spoke_s = monotonic()
                sys.stderr.write(f"{there} questions sampled, {self.left_s:.0f} s left\n")

        bank = import_module(f"{package}.training.bank").draw_bank(
            self.folder / "bank", {"problems": self._most, **self.conditions},
            samples=self.samples, seed=self.seed, time_s=DRAWING * self.left_s,
            workers=self.workers, say=say,
        )  # fmt: skip
        (first_s, first), (last_s, last) = (marks or [(0.0, 0)])[0], (marks or [(0.0, 0)])[-1]
        each_s = (last_s - first_s) / (last - first) if last > first else math.nan
        own = sum(seed == self.seed for seed, _ in bank.questions)
        return own, each_s / (self.samples + 1)

    @property
    def _most(self) -> int:
        """Return how many questions are asked for where nobody says it: of generated ones more than time lets."""
        data = self.conditions.get("data", "arithmetic")
        return MOST_GENERATED if data in ("arithmetic", "gsm_symbolic") else 0

    @property
    def _widths(self) -> list[int]:
        return [*(n for n in (2, 4, 8, 16, 32) if n < self.samples), self.samples]

    def _slowest_s(self) -> dict[str, float]:
        """Time some answers of each option on the model itself, one at a time; return the slowest of each."""
        found: dict[str, float] = {}
        for name, methods, widths in (
            ("timed", SELECTIONS, self._widths), ("timed-searches", SEARCHES, [WIDTH]),
        ):  # fmt: skip
            few = {**self.conditions, "problems": TIMED}
            try:
                timed = self._run(name, methods, few, widths, counts=False)
            except MissingAbility:
                continue
            for record in run_folder.records(timed.folder):
                if record.status == "ok" and record.phase == "solve":
                    option = _option_name(record)
                    found[option] = max(found.get(option, 0.0), record.values["latency_s"])
        return found

    def _selections(self, questions: int) -> Run:
        banked = {**self.conditions, "data": f"bank:{self.folder / 'bank'}", "problems": questions}
        for name in ("level", "room", "device", "dtype"):
            banked.pop(name, None)
        return self._run("selections", (*SELECTIONS, CEILING), banked, self._widths)

    def _searches(self, questions: int, sample_s: float) -> Run | None:
        """Search on as many questions as the time lets; None where that is too few, or nothing can search."""
        each_s = len(SEARCHES) * WIDTH * STEPWISE * sample_s
        count = min(questions, int((self.left_s - ENDING_S) / each_s)) if each_s > 0 else 0
        if count < FEWEST:
            return None
        try:
            return self._run("searches", SEARCHES, {**self.conditions, "problems": count}, [WIDTH])
        except MissingAbility:
            return None

    def _run(
        self, name: str, methods: Iterable[str], conditions: Mapping[str, Scalar],
        widths: list[int], *, counts: bool = True,
    ) -> Run:  # fmt: skip
        return run(
            [f"{TASK}/{method}" for method in methods], set=conditions, sweep={"N": widths},
            seeds=self.seed, alone=True, counts=counts, out=_free(self.folder / name),
            progress=self.progress,
        )  # fmt: skip


MOST_GENERATED = 2000
"""Generated questions that are asked for: more than the time lets."""


def answers_of(
    records: Iterable[Record], *, oracles: bool = False
) -> dict[str, dict[int, Answered]]:
    """Return by option (a method with its N) what it made of each question; failed ones are left out.

    Nobody can choose an oracle, so they are no options; with `oracles` they alone are returned.
    """
    role = cache(lambda address: registry.find(address).card.role)  # a find takes milliseconds
    found: dict[str, dict[int, Answered]] = {}
    for record in records:
        is_oracle = role(record.cell.address) == "oracle"
        if record.status != "ok" or record.phase != "solve" or is_oracle != oracles:
            continue
        values = record.values
        found.setdefault(_option_name(record), {})[int(values["instance"])] = Answered(
            values["accuracy"], values["generated"], _read_tokens(values),
            values.get("serial_steps", math.nan),
        )  # fmt: skip
    return found


def _option_name(record: Record) -> str:
    n = record.cell.point.get("N")
    return record.cell.method + (f"(N={n})" if n is not None else "")


def _read_tokens(values: Mapping[str, float]) -> float:
    """Return the tokens of prompts: a server's count holds what it had in its cache, ours does not."""
    shared = values.get("cached", 0.0) if "flops_counted" in values else 0.0
    return values.get("prefilled", 0.0) + shared


def _folder(out: str | Path | None) -> Path:
    if out is not None:
        return Path(out)
    return Path("runs") / strftime("%Y%m%d-%H%M%S-advise")


def _free(folder: Path) -> Path:
    """Return a folder that no run stands in."""
    places = (folder, *(folder.with_name(f"{folder.name}-{i}") for i in range(2, 1000)))
    return next(place for place in places if not place.exists())
