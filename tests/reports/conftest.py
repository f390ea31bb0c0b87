"""A small run, made up in full, for the tests of the reports.

The numbers stand for nothing; what matters is what is there and what is missing: two tasks,
every role and verdict, a failed and a skipped record, estimated energy, measured energy
and none, a method without a gap, and titles that try to break out of the page.
"""

import math
from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import (
    ClaimRow,
    Compared,
    Estimate,
    Findings,
    GapRow,
    SpeedupRow,
    SummaryRow,
    Tally,
)
from adabench.harness.contract.card import Card, Claim, Knob, Metric, Ratio
from adabench.harness.contract.record import Cell, Record

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
    "PG-1",
    "Perfect bits give exactly OPT faults.",
    "theorem",
    "ratio 1",
    None,
    Ratio("faults", "belady", high=1.05),
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


def gaps() -> list[GapRow]:
    found = {"mark0": (0.97, 0.95, 0.99), "mark_and_predict": (0.52, 0.5, 0.55)}
    found |= {"flush_when_full": (0.71, 0.6, 0.8), "random_eviction": (-0.31, -0.4, -0.22)}
    axes = {"cost": "slots_held", "quality": "hit_rate", "n": 40}
    between = {"oracle": "belady", "mixture": "lru + fifo + marker", "coin": "random_eviction"}
    rows = [
        GapRow("paging", name, "measured", *numbers, **between, **axes,
               cost_at_equal_quality=Compared(-23.4, -30.1, -17.0, "%"),
               quality_at_equal_cost=Compared(4.25, 3.1, 5.6, "points"))
        for name, numbers in found.items()
    ]  # fmt: skip
    tokens = {"cost": "tokens", "quality": "accuracy"}
    rows += [
        GapRow("chain", "tree", "measured", 0.44, None, None, "pass_at_n", "greedy + majority",
               "coin", **tokens, n=200),
        GapRow("chain", "coin", "no room here", oracle="pass_at_n", mixture="greedy + majority",
               **tokens, reason="It shares no cost range."),
    ]  # fmt: skip
    return rows


def claims() -> list[ClaimRow]:
    def row(
        key: str, method: str, word: str, numbers: tuple[float | None, ...], why: str
    ) -> ClaimRow:
        task, _, name = method.partition("/")
        says = f"What {key} says, in our words."
        return ClaimRow(key, task, name, word, *numbers, 40, reason=why, says=says, paper="1.0",
                        fidelity="paper", source="headline", paper_slug=task)  # type: ignore[arg-type]  # fmt: skip

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
        row("CH-3", "chain/tree", "contradicted", (1.3, 1.1, 1.5, 0.9), "It rises."),
        row(
            "CH-4", "chain/tree", "does not discriminate", (0.7, 0.6, 0.8, 0.9), "coin meets it too"
        ),
        row("CH-5", "chain/tree", "not run", (None,) * 4, "needs level=hard"),
        row("CH-6", "chain/tree", "holds", (1.0, 1.0, 1.0, 1.0), ""),
        row("CH-7", "chain/tree", "violated", (1.1, 1.0, 1.2, 1.0), "one case breaks it"),
    ]


def speedups() -> list[SpeedupRow]:
    ended = (0.62, "majority", 200)
    return [
        SpeedupRow("chain", "tree", "latency_s", "tokens", 0.41, 0.3, 0.5, *ended),
        SpeedupRow("chain", "tree", "energy_j", "tokens", -0.1, -0.2, 0.0, *ended),
        SpeedupRow("paging", "mark0", "latency_s", "faults", None, None, None, 0.98, "lru", 40,
                   "unsaved", "it does 0.980 of the work"),
    ]  # fmt: skip


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
        Tally.of(records()),
        [*paging_summary(), *chain_summary()],
        gaps(),
        speedups(),
        claims(),
    )


@pytest.fixture
def hostile() -> str:
    return HOSTILE


# A crowd, for sizes and times; and what nobody would record, for robustness.

CROWD, KNOBS = 47, 10
CROWD_METRICS = (
    Metric("accuracy", "1", "higher", "quality", primary=True),
    Metric("loss", "nat", "lower", "quality"),
    Metric("flops_counted", "FLOP", "lower", "work", primary=True),
    Metric("generated", "tokens", "lower", "cost"),
    Metric("kv_peak_bytes", "B", "lower", "cost"),
    Metric("ttft_s", "s", "lower", "cost"),
    Metric("itl_s", "s", "lower", "cost"),
    Metric("tpot_s", "s", "lower", "cost"),
    Metric("gco2e_est_g", "g", "lower", "cost"),
)
ROLE_OF = {0: "oracle", 1: "control", 2: "static", 3: "static", 4: "static", 5: "static"}


def crowd_row(method: int, knob: int, rng) -> SummaryRow:
    spent = 2e9 * 1.4 ** (knob + rng.normal(0, 0.2)) * (1 + 0.02 * method)
    right = min(0.97, 0.3 + 0.06 * knob + 0.004 * method + rng.normal(0, 0.01))
    sizes = {"accuracy": right, "loss": 2 - right, "flops_counted": spent, "generated": spent / 1e7}
    sizes |= {"kv_peak_bytes": spent / 900, "ttft_s": spent / 4e11, "itl_s": spent / 3e12}
    sizes |= {"tpot_s": spent / 2.5e12, "gco2e_est_g": spent / 1e12, "latency_s": spent / 1e11}
    sizes |= {"energy_j": spent / 2e10, "cpu_s": spent / 9e10, "wall_s": spent / 9.5e10}
    metrics = {name: _spread(value * (1 + rng.normal(0, 0.01))) for name, value in sizes.items()}
    return SummaryRow(
        "crowd", f"method_{method:02}", {"width": knob + 1}, {"kind": "plain"}, metrics
    )


def _spread(value: float) -> Estimate:
    return Estimate(value, value * 0.97, value * 1.033, 5000)


def crowd_findings() -> Findings:
    """47 methods at 10 knobs; the statistics are made up, since only their number matters."""
    import numpy as np

    rng = np.random.default_rng(7)
    summary = [crowd_row(m, k, rng) for m in range(CROWD) for k in range(KNOBS)]
    names = [f"method_{m:02}" for m in range(CROWD)]
    knob = Knob("width", tuple(range(1, KNOBS + 1)), 5)
    cards = {
        f"crowd/{name}": Card(f"Method {m}", role=ROLE_OF.get(m, "adaptive"), knobs=(knob,),
                              oracle="exact" if m == 0 else "", claims=(RATIO,))
        for m, name in enumerate(names)
    }  # fmt: skip
    axes = {"cost": "flops_counted", "quality": "accuracy", "n": 5000}
    closed = [
        GapRow("crowd", name, "measured", h, h - 0.05, h + 0.04, "method_00", **axes)
        for name, h in zip(names[6:], rng.uniform(-0.4, 0.95, CROWD - 6).tolist(), strict=True)
    ]
    sped_up = [
        SpeedupRow("crowd", name, metric, "flops_counted", k, k - 0.1, k + 0.1, 0.6, "method_02", 9)
        for name, k in zip(names[6:], rng.uniform(-0.2, 1, CROWD - 6).tolist(), strict=True)
        for metric in ("latency_s", "energy_j")
    ]  # fmt: skip
    words = ("reproduced", "direction only", "not reproduced", "undecided", "not testable here")
    rows = [
        ClaimRow(f"C{k}-{c}", "crowd", name, words[(k + c) % 5], 0.7, 0.6, 0.8, 0.9, 5000,
                 reason="The interval lies below.", says="It needs less than the static method.",
                 paper="0.8", fidelity="paper", source="headline", paper_slug="crowd")
        for k, name in enumerate(names[6:]) for c in range(2)
    ]  # fmt: skip
    card = Card("A crowd of methods", metrics=CROWD_METRICS)
    tally = Tally(470 * 5, 470 * 5000, (0, 1, 2, 3, 4), ("embedded",), kinds=frozenset())
    told = {"crowd": card}
    return Findings("runs/crowd", manifest(), told, cards, tally, summary, closed, sped_up, rows)


ODD_NAMES = (
    "</script><script>window.hacked = 1</script>",
    "\"onmouseover='window.hacked = 2' x=\"",
    "<img src=x onerror=window.hacked=3>",
    "y" * 10_000,
    "\u202eevil \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "line\u2028break & <!-- \\",
)
ODD_VALUES = (math.nan, math.inf, -math.inf, -3.5, 0.0, 1e-300)


def odd_findings() -> Findings:
    """Every name hostile, every number unusual; one metric is missing here and there."""
    nasty = ODD_NAMES[0]
    metrics = (
        Metric("right", "1", "higher", "quality", primary=True),
        Metric(nasty, "J\"'<b>", "lower", "work", primary=True),
        Metric("joules", "J", "lower", "cost"),
    )
    summary, cards, closed, sped_up, rows = [], {}, [], [], []
    for at, (name, value) in enumerate(zip(ODD_NAMES, ODD_VALUES, strict=True)):
        for step in range(3):
            found = {
                "right": Estimate(value, value, value, 3),
                nasty: Estimate(1.0 + step, value, 2.0 + step, 3),
                "latency_s": Estimate(ODD_VALUES[(at + step) % 6], None, None, 1),
            }
            if step:
                found["joules"] = Estimate(value, value, math.inf, 2)
            point = {nasty: ODD_NAMES[step], "k": step}
            summary.append(SummaryRow("odd", name, point, {"c<i>": nasty}, found))
        role = "static" if at < 2 else "adaptive"
        cards[f"odd/{name}"] = Card(name, role=role)
        beside = Compared(value, -value, value, nasty)
        closed.append(
            GapRow(
                "odd",
                name,
                "measured",
                value,
                -value,
                value,
                nasty,
                name,
                name,
                cost_at_equal_quality=beside,
                reason=name,
            )
        )
        sped_up.append(SpeedupRow("odd", name, "latency_s", nasty, value, value, value, value))
        rows.append(
            ClaimRow(
                name,
                "odd",
                name,
                "undecided",
                value,
                value,
                value,
                value,
                1,
                reason=name,
                says=name,
            )
        )
    told = {
        **manifest(),
        "warnings": list(ODD_NAMES),
        "environment": dict.fromkeys(ODD_NAMES, nasty),
    }
    tasks = {"odd": Card(nasty, adapts=nasty, metrics=metrics, allocation=("right", nasty))}
    cells = [Cell("odd", name, {}, {}, "embedded", 0) for name in ODD_NAMES]
    failed = [Record(cell, "solve", 0, 0, "error", note=ODD_NAMES[0]) for cell in cells]
    tally = Tally(6, 6, (0,), ("embedded",), tuple(failed))
    return Findings(nasty, told, tasks, cards, tally, summary, closed, sped_up, rows)


@pytest.fixture(scope="session")
def crowd() -> Findings:
    return crowd_findings()


@pytest.fixture(scope="session")
def odd() -> Findings:
    return odd_findings()
