"""A toy task, and records of its methods, for the tests of claims."""

import random
from collections.abc import Callable

from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.contract.card import Card, Claim, Knob, Metric
from adabench.harness.contract.expectations import Expectation
from adabench.harness.contract.record import Cell, Record

TASK = Card(
    "Toy",
    role="static",
    knobs=(Knob("noise", (0, 0.5, 1), 0), Knob("slots", (10, 20, 40), 10)),
    metrics=(
        Metric("faults", "faults", "lower", "work", primary=True),
        Metric("accuracy", "share", "higher", "quality", primary=True),
        Metric("score", "points", "higher", "quality"),
        Metric("limit", "faults", "lower", "info"),
        Metric("faults_se", "faults", "lower", "info"),
    ),
    budget="slots",
    scales=("embedded", "real"),
)
TRUST = Knob("trust", (0, 1), 0)
ARM = Knob("arm", ("a", "b", "c"), "a")
CARDS = {
    "old": Card("Old", role="adaptive"),
    "other": Card("Other", role="adaptive"),
    "arms": Card("Arms", role="adaptive", knobs=(ARM,)),
    "sibling": Card("Sibling", role="adaptive", knobs=(TRUST,)),
    "coin": Card("Coin", role="control"),
    "fixed": Card("Fixed", role="static", knobs=(Knob("level", (1, 2), 1),)),
}
SEEDS, CASES = range(8), range(3)
Value = Callable[[int, int], float] | float


def record(
    method: str, seed: int = 0, case: int = 0, *, point=None, noise=0, slots=10, scale="embedded",
    status="ok", note="", group="", **values: float,
) -> Record:  # fmt: skip
    """One record of solving."""
    cell = Cell("toy", method, point or {}, {"noise": noise, "slots": slots}, scale, seed)
    return Record(cell, "solve", case, 0, status, values, note, group or f"family {case}")


def run(method: str, *, seeds=SEEDS, cases=CASES, where=None, **values: Value) -> list[Record]:
    """Records over all seeds and cases; a value is a number or a function of seed and case."""
    return [
        record(
            method, s, c, **(where or {}),
            **{name: value(s, c) if callable(value) else value for name, value in values.items()},
        )
        for s in seeds for c in cases
    ]  # fmt: skip


def size(seed: int, case: int) -> float:
    """Cases differ a hundredfold, seeds by some per cent."""
    return (10, 100, 1000)[case % 3] * (1 + 0.05 * seed)


def times(factor: float, amount: float = 0.1) -> Callable[[int, int], float]:
    """The size of a case times a factor that scatters by an amount."""
    return lambda seed, case: size(seed, case) * factor * jitter(amount, seed, case)


def jitter(amount: float, seed: int, case: int) -> float:
    """A repeatable factor around 1."""
    return 1 + amount * (random.Random(seed * 7919 + case).random() - 0.5)


def about(level: float, spread: float = 0.1, salt: int = 0) -> Callable[[int, int], float]:
    """A number that scatters around a level, the same for the same seed and case."""
    return lambda seed, case: level + spread * random.Random(f"{salt}/{seed}/{case}").gauss(0, 1)


def claim_of(expect: Expectation, effect: float | None = None, **more) -> Claim:
    """A claim of the method `new`; our own unless it says otherwise."""
    return Claim(**{"id": "T-1", "says": "says", "source": "own", "paper": "paper"} | more
                 | {"effect": effect, "expect": expect})  # fmt: skip


def rows_of(records: list[Record], *claims: Claim, knobs=(TRUST,), all_cards=False, **cards: Card):
    """The rows on the claims of `new`, by id. Cards of methods without a record may be known too."""
    own = Card("New", claims=claims, knobs=knobs, slug="paper")
    known = CARDS | cards | {"new": own}
    had = {record.cell.method for record in records}
    run_cards = {f"toy/{name}": card for name, card in known.items() if name in had}
    rivals = {f"toy/{name}": card for name, card in known.items()
              if card.role in ("control", "static")} if all_cards else None  # fmt: skip
    rows = verdicts(records, {"toy": TASK}, run_cards, rivals=rivals)
    return {row.id: row for row in rows if row.method == "new"}


def judged(expect: Expectation, records: list[Record], effect=None, *, knobs=(TRUST,), **more):
    """The row on one claim of `new`."""
    cards = {name: more.pop(name) for name in list(more) if isinstance(more[name], Card)}
    row: ClaimRow = rows_of(records, claim_of(expect, effect, **more), knobs=knobs, **cards)["T-1"]
    return row
