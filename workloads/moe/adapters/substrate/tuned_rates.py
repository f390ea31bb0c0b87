"""Learning rates by kind of adapter, tuned alike on a dev split: the best of three neighbours of one ladder.

Those of pre-training by the answers to held-out sequences of the 48 tasks, of a training that no run uses; those of
few-shot adaptation by the answers on the four tasks of tuning, from the adapters of training 0. A grid says nothing
where the best lies at its edge, so a kind's three are its rate and the two beside it. Routers of tasks, `z`, learn at
a multiple (`inventory.py`). The cards of `rates-*` and `few-shot-rates-*` have the scores.
"""

LADDER = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
PRETRAINING = {
    "lora-4": 3e-3, "lora-32": 3e-3, "poly": 1e-2, "mhr": 1e-2, "mhr-mu": 3e-3, "mola": 3e-3, "dynmole": 3e-3,
    "prompt": 3e-2, "prefix": 3e-2, "ia3": 1e-1, "bottleneck-16": 1e-2, "bitfit": 3e-2, "norms": 3e-2,
    "full": 3e-3, "dora": 1e-2, "adalora": 1e-2,
}  # fmt: skip
FEW_SHOT = PRETRAINING | {
    "fresh": 1e-2, "lora-4": 1e-2, "mhr": 3e-2, "mhr-z": 1e-2, "prompt": 3e-1, "prefix": 1e-1, "ia3": 3e-1,
    "norms": 1e-1, "full": 1e-3,
}  # fmt: skip
ALSO = {
    "lora-36": "lora-32", "mhr-shuffled": "mhr", "mola-layered": "mola", "mola-random": "mola", "soft": "mola",
    "dynmole-plain": "dynmole", "poly-rand": "poly", "bottleneck-6": "bottleneck-16", "random-mask": "bitfit",
    "scratch": "full", "random-ranks": "adalora",
}  # fmt: skip
"""By kind: whose rate it takes."""

TEXT = {
    "text-lora-36": 1e-3, "text-mola": 1e-3, "text-dynmole": 1e-3, "text-poly": 3e-3, "text-mhr": 3e-3,
    "text-ia3": 1e-2, "text-prefix": 1e-2, "text-bottleneck-6": 1e-3, "text-full": 3e-5,
}  # fmt: skip
"""The middle of three rates on SmolLM2: which is taken stands in the file that scored them, `text-rates-*`."""


def pretraining_rate(kind: str) -> float:
    """Return the rate that a kind is trained on the 48 tasks with."""
    return _of(kind, PRETRAINING)


def few_shot_rate(kind: str) -> float:
    """Return the rate that a kind adapts to a new task with."""
    return _of(kind, FEW_SHOT)


def _of(kind: str, rates: dict[str, float]) -> float:
    """Return a kind's own rate, that of what it is a form of, or that of its name without its shape."""
    name = ALSO.get(kind, kind)
    return rates[name] if name in rates else rates[name.partition("-")[0]]


def grid(name: str) -> tuple[float, ...]:
    """Return the three rates that a recipe of rates tries, such as `few-shot-rates-mhr` or `rates-mhr`."""
    few_shot, _, kind = name.rpartition("rates-")
    return _beside(FEW_SHOT[kind] if few_shot else PRETRAINING[kind])


def text_grid(kind: str) -> tuple[float, ...]:
    """Return the three rates that a kind on texts is tried at, such as `text-mhr`."""
    return _beside(TEXT[kind])


def _beside(rate: float) -> tuple[float, ...]:
    middle = LADDER.index(rate)
    return LADDER[middle - 1 : middle + 2]
