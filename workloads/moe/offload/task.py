"""Offload: a mixture of experts decodes with few of its experts in fast memory, and what brings the others decides how long it waits.

A case is 64 decoding steps of one domain after prompts of 32 bytes: one sequence, two batches of 4 or 16, or one of 64. The model was
trained (`experts`), its 64 experts of 32 KB lie in a slower tier, and a method says which are brought into `slots`, when, and
whose place they take. Each step reads the byte that came next in the text; nobody knows it before.

**What is scored.** `hit_ratio`: of all experts that a batch needed at a layer, the share that had a slot when its turn came: there already, or
ordered before the layer was known. `likelihood`, the geometric mean chance of the bytes that came, is the same for
every method, since experts are moved and never replaced.

**What is counted.** `moved_bytes` a step, wasted ones too; `exposed`, fetches a step that were ordered only when they were needed;
`wasted`, the share of fetches ahead that was overwritten before it ran; `activated`, experts a batch runs at a layer;
`fast_bytes`, slots, weights that stay, keys and values, and what a method holds. A hit may still be on its way: `arrived` is the share
that was there on time, a matter of clocks, so that who orders everything has all hits and waits. Seconds are `wait_s`, those that computing waited, beside `compute_s`, all other seconds, and `fetch_s`, those of the loader.

**How much overlap can give.** With C seconds of computing and F of fetching a step takes C + F one after the other, and no less than
max(C, F) side by side. Overlap gains at most (C + F) / max(C, F): never more than 2, and that only where F = C; 1.2 where F = 5 C, 1.03 where
F = 30 C. `overlap_bound` is that number, `overlap_gain` what was reached, `fetch_ratio` is F / C, which batches and tiers move through 1.
Far from 1 a method is faster by moving fewer bytes, or not at all.

**Conditions.** `tier`: `memory` copies, `inflate` inflates, `file` reads blocks of a disk (`folder`, none on tmpfs), `host` copies to a GPU.
Counts are the same in all. The loader is a thread: on one core fetches and computing take turns, and nothing overlaps.

**Limits.** 0.6 million weights and four domains: an expert takes 15 us a batch and is 32 KB, so that what is no expert (attention, keys and values) is a
large part of the memory, and orders of Python a large part of the time.
"""

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.moe.offload import conformance
from adabench.workloads.moe.offload.substrate.decoding import (
    EXPERTS_IN_ALL,
    PROMPT,
    SHAPE,
    Sequences,
)
from adabench.workloads.moe.offload.substrate.offload_bench import (
    Batches,
    Counted,
    OffloadBench,
    World,
)
from adabench.workloads.moe.offload.truth.future_visits import future_visits
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, Ints, passages
from adabench.workloads.moe.substrate.expert_tiers import (
    TIERS,
    refuse_no_disk,
    refuse_no_gpu,
)
from adabench.workloads.shared.counting.frozen_arrays import content_number
from adabench.workloads.shared.counting.random_streams import read_only

CARD = Card(
    title="Offload: decoding with few experts in fast memory",
    seeds=5,
    trainings=5,
    given=("moe-*",),
    paper="our own substrate; ExpertFlow, arXiv 2410.17954",
    adapts="which experts are in fast memory, by where tokens will go",
    budget="slots",
    gaps=(
        Gap(
            mixture=("lru_global", "lru_equal", "lfu", "static_hot"),
            methods=("expertflow", "unscheduled", "token_table", "next_layer_gate"),
            oracle="perfect_plan",
            coin="permuted_plan",
        ),
    ),
    knobs=(
        Knob("slots", (8, 16, 32), 16, open=True, low=2, high=64),
        Knob("cases", (4,), 4, open=True, low=1, high=16),
        Knob("steps", (64,), 64, open=True, low=1, high=64),
        Knob("tier", ("memory",), "memory", also=("inflate", "file", "host")),
        Knob("folder", ("",), "", open=True),
    ),
    cases="exchangeable",
    comparison=("hit_ratio", "moved_bytes", "exposed", "fast_bytes"),
    metrics=(
        Metric("hit_ratio", "", "higher", "quality", primary=True),
        Metric("likelihood", "", "higher", "quality"),
        Metric("nats", "nat/B", "lower", "quality"),
        Metric("slots", "experts", "lower", "work", primary=True),
        Metric("moved_bytes", "B/step", "lower", "cost"),
        Metric("exposed", "experts/step", "lower", "cost"),
        Metric("wasted", "", "lower", "cost", low=0.0, high=1.0),
        Metric("activated", "experts/layer", "lower", "cost"),
        Metric("fast_bytes", "B", "lower", "cost"),
        Metric("experts_run experts_fetched", "experts", "lower", "info"),
        Metric("wait_s compute_s fetch_s decode_s", "s", "lower", "cost"),
        Metric("arrived", "", "higher", "info", clocked=True, low=0.0, high=1.0),
        Metric(
            "fetch_ratio overlap_bound overlap_gain", "", "higher", "info", clocked=True, low=0.0
        ),
    ),
)
CHECK_CONDITIONS = {"cases": 2, "steps": 3}
OUTCOMES = (Counted,)
BATCHES = ((1, 1), (4, 8), (16, 32), (64, 64))
"""By case: sequences of a batch, and of all batches."""
__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def score(world: World, counted: Counted) -> dict[str, float]:
    """Return what a decoding is worth."""
    counts, steps = counted.counts, world.given.steps + 1
    nats = -float(counted.chances.astype(np.float64).mean())
    found = {
        "hit_ratio": 1 - counts["exposed"] / counts["asked"],
        "nats": nats,
        "likelihood": float(np.exp(-nats)),
        "slots": counts["slots"],
        "moved_bytes": counts["bytes"] / steps,
        "exposed": counts["exposed"] / steps,
        "activated": counts["asked"] / counts["visits"],
        "fast_bytes": counts["fast_bytes"],
    }
    if counts["ahead"]:
        found["wasted"] = counts["wasted"] / counts["ahead"]
    return found | _times(counted)


def _times(counted: Counted) -> dict[str, float]:
    clock_s, asked = dict(counted.clock_s), counted.counts["asked"]
    late = clock_s.pop("late")
    compute_s, fetch_s = clock_s["decode_s"] - clock_s["wait_s"], clock_s["fetch_s"]
    return {
        **clock_s,
        "arrived": 1 - late / asked,
        "compute_s": compute_s,
        "fetch_ratio": fetch_s / compute_s,
        "overlap_bound": (compute_s + fetch_s) / max(compute_s, fetch_s),
        "overlap_gain": (compute_s + fetch_s) / clock_s["decode_s"],
    }


def load(
    scale: str,
    seed: int,
    *,
    slots: int = 16,
    cases: int = 4,
    steps: int = 64,
    tier: str = "memory",
    folder: str = "",
) -> OffloadBench:
    """Return the task under the given conditions; no weight is read here.

    Raises:
        SelectionError: for a scale that it does not have, too few slots, a tier or a folder that there is not.
        EnvironmentProblem: for a tier that cannot be had here.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"offload has no scale {scale!r}.", "It runs at `embedded`.")
    if not SHAPE.chosen <= slots <= EXPERTS_IN_ALL:
        raise SelectionError(
            f"{slots} slots were asked for, and a byte runs {SHAPE.chosen} of {EXPERTS_IN_ALL} experts at a layer.",
            f"Take {SHAPE.chosen} to {EXPERTS_IN_ALL}: --set slots=16.",
        )
    if tier not in TIERS:
        raise SelectionError(f"{tier!r} is no tier of experts.", f"There are {', '.join(TIERS)}.")
    if tier == "file":
        refuse_no_disk(folder)
    if tier == "host":
        refuse_no_gpu()
    worlds = [_world(index, seed, slots, steps, tier, folder) for index in range(cases)]
    return OffloadBench(tuple(worlds), score)


def _world(index: int, seed: int, slots: int, steps: int, tier: str, folder: str) -> World:
    """Return a case: batches of one size, of a domain that goes round with cases and seeds."""
    batch, sequences = BATCHES[index % len(BATCHES)]
    domain = DOMAINS[(index + index // len(BATCHES) + seed) % len(DOMAINS)]
    drawn = passages(domain, "test", sequences, SHAPE.length, seed, index)
    tokens: Ints = read_only(drawn[:, : PROMPT + steps + 1])
    instance = content_number(tokens, np.array([slots, batch]).tobytes())
    case = Batches(instance, f"batch_{batch}", batch, sequences, slots)
    return World(case, Sequences(tokens, batch, slots, seed, tier, folder), future_visits)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield a sentence for each rule of this task that a method breaks."""
    worlds = [_world(index, 0, slots, 4, "memory", "") for index, slots in ((0, 16), (1, 8))]
    yield from conformance.check(method, card, worlds, score)
