"""Every checkpoint of Countdown by name, and how it is trained.

    adabench train countdown/cd-s0 countdown/cd-mrt-s0 countdown/cd-threads-s0 countdown/cd-threads-rl-s0

A policy learns from traces of the `train` split (`training/search_traces.py`); from each training of it others go on, by reward
(`training/train_by_reward.py`), by further traces, or by traces of a search in one thread and in several (`training/thread_traces.py`);
these two go on by reward (`training/train_threads.py`). Steps and words, never seconds: the result does not depend on how busy the machine is.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from adabench.workloads.shared.language_model.model import BigramShape, Shape

FOLDER = Path(__file__).parent / "checkpoints"
TRAININGS = (0, 1, 2, 3, 4)
POLICY = "cd"
SMALL = BigramShape(layers=2, width=64, heads=2, hidden=176)
"""A word enters with the one before it: `? 22` and `= 22 ;` can be compared by one head."""
MORE = "sft-more"
SUCCESSORS = ("mrt", "grpo", "grpo-length", "mrt-permuted", MORE)
"""How policies go on from one that is trained."""
SERIAL, THREADS, REWARDED = "serial", "threads", "-rl"
SEARCHES = (SERIAL, THREADS, f"{SERIAL}{REWARDED}", f"{THREADS}{REWARDED}")
"""Policies that search in one thread or in several; two of them go on from the others by reward."""
SEARCH_TRAINING = "adabench.workloads.test_time.countdown.training.train_threads"
"""The module that trains them."""
FOLLOWING = (*SUCCESSORS, *SEARCHES)


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    seed: int
    shape: Shape = SMALL
    steps: int = 2000
    """Of a policy; of those that go on from one their trainings say it."""
    batch: int = 48
    rate: float = 4e-3
    forecast_s: int = 200
    start: str = ""
    """The policy that it goes on from."""
    successor: str = ""
    """How it does."""


@cache
def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    made = [Recipe(f"{POLICY}-s{seed}", seed) for seed in TRAININGS]
    made += [
        Recipe(
            f"{POLICY}-{how}-s{seed}",
            seed,
            forecast_s=120,
            start=f"{POLICY}-s{seed}",
            successor=how,
        )
        for how in SUCCESSORS
        for seed in TRAININGS
    ]
    made += [_search(how, seed) for how in SEARCHES for seed in TRAININGS]
    return {recipe.name: recipe for recipe in made}


def _search(how: str, seed: int) -> Recipe:
    before = how.removesuffix(REWARDED)
    return Recipe(
        f"{POLICY}-{how}-s{seed}",
        seed,
        steps=1200,
        forecast_s=100,
        start=f"{POLICY}-s{seed}" if before == how else f"{POLICY}-{before}-s{seed}",
        successor=how,
    )
