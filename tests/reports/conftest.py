"""A small run, made up in full, for the tests of the reports.

The numbers stand for nothing; what matters is what is there and what is missing: two tasks,
every role and verdict, a failed and a skipped record, estimated energy, measured energy
and none, a method without headroom, and titles that try to break out of the page.
"""

import math
from dataclasses import replace

import pytest

from adabench.harness.card import Card, Claim, Knob, Metric, Ratio
from adabench.harness.findings import (
    ClaimRow,
    ConversionRow,
    Estimate,
    Findings,
    HeadroomRow,
    SummaryRow,
)
from adabench.harness.record import Cell, Record

HOSTILE = "<script>alert('x')</script> & $\\frac{1}{2}$ | [x](y)"
SLOTS = (25, 50, 100, 200)
NOISES = (0.0, 0.1, 0.3, 0.5, 1.0)

PAGING = Card(
    title="Paging with predictions",
    adapts="Which page leaves a cache, request by request.",
    knobs=(
        Knob("slots", SLOTS, 100, open=True),
        Knob("noise", NOISES, 0.0, open=True),
        Knob("kind", ("symmetric", "drop", "adversarial"), "symmetric"),
    ),
    metrics=(
        Metric("hit_rate", "1", "higher", "quality", primary=True),
        Metric("slots_held", "slots", "lower", "work", primary=True),
        Metric("faults", "faults", "lower", "cost"),
    ),
    budget="slots",
)
CHAIN = Card(
    title="Chains of reasoning " + HOSTILE,
    knobs=(Knob("level", ("easy", "hard"), "easy"),),
    metrics=(
        Metric("accuracy", "1", "higher", "quality", primary=True),
        Metric("tokens", "tokens", "lower", "work", primary=True),
        Metric("kv_bytes", "bytes", "lower", "cost"),
    ),
)
TRUST = Knob("trust", (0.0, 0.5, 0.9), 0.9)
RATIO = Claim(
    "PG-1", "Perfect bits give exactly OPT faults.", "ratio 1", Ratio("faults", "belady", high=1.05)
)
METHODS = {
    "paging/lru": Card("LRU", role="static"),
    "paging/fifo": Card("FIFO", role="static"),
    "paging/marker": Card("Marker", role="static", fidelity="code-confirmed"),
    "paging/random_eviction": Card("Random eviction", role="control"),
    "paging/belady": Card("Belady", role="oracle", oracle="exact"),
    "paging/mark_and_predict": Card("Mark&Predict", knobs=(TRUST,), claims=(RATIO,)),
    "paging/mark0": Card("Mark0 " + HOSTILE, fidelity="reconstructed", claims=(RATIO,)),
    "paging/flush_when_full": Card("Flush", fidelity="special-case"),
    "chain/greedy": Card("Greedy", role="static"),
    "chain/majority": Card("Majority", role="static", knobs=(Knob("width", (2, 4, 8, 16), 4),)),
    "chain/pass_at_n": Card(
        "Pass@N", role="oracle", oracle="bound", knobs=(Knob("width", (2, 8), 8),)
    ),
    "chain/coin": Card("Coin", role="control"),
    "chain/tree": Card("Tree", knobs=(Knob("width", (2, 4, 8, 16), 4),), claims=(RATIO,)),
}
SKILL = {
    "lru": (0.55, 0.0),
    "fifo": (0.50, 0.0),
    "marker": (0.54, 0.0),
    "random_eviction": (0.48, 0.0),
    "belady": (0.75, 0.0),
    "mark_and_predict": (0.66, 0.13),
    "mark0": (0.745, 0.6),
    "flush_when_full": (0.70, 0.3),
}


def estimate(value: float, spread: float = 0.01, n: int = 40) -> Estimate:
    return Estimate(value, value * (1 - spread), value * (1 + spread), n)


def paging_row(method: str, slots: int, noise: float, kind: str = "symmetric") -> SummaryRow:
    skill, trust = SKILL[method]
    rough = {"symmetric": 1.0, "drop": 0.5, "adversarial": 1.8}[kind]
    hit = 1 - (1 - skill) * (1 + 3 * trust * noise * rough) * (100 / slots) ** 0.35
    metrics = {
        "hit_rate": estimate(hit),
        "slots_held": Estimate(float(slots), float(slots), float(slots), 40),
        "faults": estimate(200_000 * (1 - hit), 0.03),
        "latency_s": estimate(0.00123 * (1 + skill), 0.05),
        "energy_est_j": estimate(0.0051 * (1 + skill), 0.05),
    }
    point = {"trust": 0.9} if method == "mark_and_predict" else {}
    conditions = {"slots": slots, "noise": noise, "kind": kind}
    return SummaryRow("paging", method, point, conditions, metrics)


def chain_row(method: str, width: int, level: str = "easy") -> SummaryRow:
    gain = {"greedy": 0, "majority": 0.06, "tree": 0.085, "pass_at_n": 0.12, "coin": 0.05}[method]
    accuracy = 0.42 + gain * math.log2(width + 1) - (0.2 if level == "hard" else 0.0)
    metrics = {
        "accuracy": Estimate(accuracy, accuracy - 0.03, accuracy + 0.03, 200),
        "tokens": estimate(210.0 * width * (0.8 if method == "tree" else 1.0), 0.02),
        "kv_bytes": estimate(1.3e6 * width, 0.02),
        "latency_s": Estimate(0.31 * width, None, None, 1),
    }
    if method == "tree":
        metrics["energy_j"] = estimate(12.5 * width)
    point = {"width": width} if method not in ("greedy", "coin") else {}
    return SummaryRow("chain", method, point, {"level": level}, metrics)


def paging_summary() -> list[SummaryRow]:
    settings = [(slots, 0.0, "symmetric") for slots in SLOTS]
    settings += [(100, noise, "symmetric") for noise in NOISES[1:]]
    settings += [(100, 0.0, kind) for kind in ("drop", "adversarial")]
    rows = [paging_row(method, *setting) for method in SKILL for setting in settings]
    other = paging_row("mark_and_predict", 100, 0.0)
    return [*rows, replace(other, point={"trust": 0.0}), replace(other, point={"trust": 0.5})]


def chain_summary() -> list[SummaryRow]:
    widths = {"greedy": (1,), "coin": (3,), "pass_at_n": (2, 8)}
    return [
        chain_row(address.partition("/")[2], width, level)
        for address in METHODS
        if address.startswith("chain/")
        for level in ("easy", "hard")
        for width in widths.get(address.partition("/")[2], (2, 4, 8, 16))
    ]


def headroom() -> list[HeadroomRow]:
    found = {"mark0": (0.97, 0.95, 0.99), "mark_and_predict": (0.52, 0.5, 0.55)}
    found |= {"flush_when_full": (0.71, 0.6, 0.8), "random_eviction": (-0.31, -0.4, -0.22)}
    axes = {"cost": "slots_held", "quality": "hit_rate"}
    rows = [
        HeadroomRow("paging", name, *numbers, "exact", "belady", n=40, **axes)
        for name, numbers in found.items()
    ]
    return [
        *rows,
        HeadroomRow(
            "chain", "tree", 0.44, None, None, "bound", "pass_at_n", "tokens", "accuracy", 200
        ),
        HeadroomRow("chain", "coin", None, None, None, "bound", reason="It shares no cost range."),
    ]


def claims() -> list[ClaimRow]:
    def row(
        key: str, method: str, word: str, numbers: tuple[float | None, ...], why: str
    ) -> ClaimRow:
        task, _, name = method.partition("/")
        says = f"What {key} says, in our words."
        return ClaimRow(key, task, name, word, *numbers, 40, why, says, "1.0", "paper")  # type: ignore[arg-type]

    return [
        row(
            "PG-1", "paging/mark0", "reproduced", (1.0, 1.0, 1.0, 1.05), "The interval lies below."
        ),
        row(
            "PG-2", "paging/mark_and_predict", "direction only", (1.31, 1.2, 1.4, 1.1), "Above 1.1."
        ),
        row(
            "PG-3", "paging/flush_when_full", "not reproduced", (1.92, 1.9, 1.95, 1.1), "It rises."
        ),
        row("CH-1", "chain/tree", "undecided", (0.7, 0.4, 1.1, 0.8), "The interval holds 0.8."),
        row("CH-2", "chain/tree", "not testable here", (None,) * 4, "Needs a GPU " + HOSTILE),
    ]


def conversion() -> list[ConversionRow]:
    return [
        ConversionRow(
            "chain", "tree", "latency_s", 0.41, 0.3, 0.5, "tokens", 0.62, "majority", 200
        ),
        ConversionRow(
            "chain", "tree", "energy_j", -0.1, -0.2, 0.0, "tokens", 0.62, "majority", 200
        ),
        ConversionRow(
            "paging",
            "mark0",
            "latency_s",
            None,
            None,
            None,
            "faults",
            0.98,
            "lru",
            40,
            "The work ratio lies within 0.9..1.1.",
        ),
    ]


def records() -> list[Record]:
    made = []
    for row in [*paging_summary(), *chain_summary()]:
        cell = Cell(row.task, row.method, row.point, row.conditions, "embedded", 0)
        values = {name: e.estimate for name, e in row.metrics.items()}
        made.append(Record(cell, "solve", 0, 0, "ok", values, group="zipf"))
    broken = made[-1].cell
    made += [
        Record(broken, "solve", case, 0, "error", note="ValueError: " + HOSTILE) for case in (1, 2)
    ]
    made.append(Record(broken, "solve", 3, 0, "skipped", note="needs the extra milp"))
    return made


def manifest() -> dict[str, object]:
    return {
        "adabench": "0.1.0",
        "started": "2025-01-31T12:00:00+00:00",
        "command": ["adabench", "run", "paging/*", "--set", "name=a b"],
        "warnings": ["paging: 1 seeds only; intervals over so few are rough."],
        "environment": {
            "cpu": {"model": "A & B <c>", "cores": 2},
            "git": None,
            "flags": ["a", "b"],
        },
        "instruments": [
            {"name": "clock", "label": "measured", "available": True, "keys": ["latency_s"]},
            {
                "name": "nvml",
                "label": "counter",
                "available": True,
                "keys": ["energy_j"],
                "reason": "",
            },
            {
                "name": "rapl",
                "label": "",
                "available": False,
                "keys": [],
                "reason": "No RAPL domain is readable.",
                "remedy": "chmod a+r the energy_uj files.",
            },
        ],
    }


@pytest.fixture(scope="session")
def findings() -> Findings:
    return Findings(
        "runs/made-up",
        manifest(),
        {"paging": PAGING, "chain": CHAIN},
        METHODS,
        records(),
        [*paging_summary(), *chain_summary()],
        headroom(),
        conversion(),
        claims(),
    )


@pytest.fixture
def hostile() -> str:
    return HOSTILE
