"""Learning rates by kind of adapter, tuned alike: three each (`rate_grids.py`), on a dev split.

Those of pre-training by the answers to held-out sequences of the 48 tasks, of a training that no run uses; those of
few-shot adaptation by the answers on the four tasks of tuning, from the adapters of training 0. Kinds that are forms
of another take its rate (`ALSO`). Routers of tasks, `z`, learn at a multiple (`inventory.py`). What each kind scored
at the three is in the cards of `rates-*` and `few-shot-rates-*`, which `adabench train` makes anew.
"""

from collections.abc import Mapping

FIRST = {
    "rates-poly": 3e-3,
    "rates-mhr": 3e-3,
    "few-shot-rates-fresh": 3e-3,
    "few-shot-rates-lora-4": 3e-3,
    "few-shot-rates-poly": 3e-3,
    "few-shot-rates-mhr": 1e-2,
    "few-shot-rates-mhr-z": 3e-3,
}
"""By the name of a recipe: the least rate of its grid (`rate_grids.py`)."""
ALSO = {
    "lora-36": "lora-32",
    "mhr-shuffled": "mhr",
    "mola-layered": "mola",
    "mola-random": "mola",
    "soft": "mola",
    "dynmole-plain": "dynmole",
    "poly-rand": "poly",
}
"""By kind: whose rate it takes."""
PRETRAINING = {
    "lora-4": 3e-3,
    "lora-32": 3e-3,
    "poly": 1e-2,
    "mhr": 1e-2,
    "mhr-mu": 3e-3,
    "mola": 3e-3,
    "dynmole": 3e-3,
}
FEW_SHOT = {
    "fresh": 1e-2,
    "lora-4": 1e-2,
    "lora-32": 3e-3,
    "poly": 1e-2,
    "mhr": 3e-2,
    "mhr-z": 1e-2,
    "mhr-mu": 3e-3,
    "mola": 3e-3,
    "dynmole": 3e-3,
}


def pretraining_rate(kind: str) -> float:
    """Return the rate that a kind is trained on the 48 tasks with."""
    return _of(kind, PRETRAINING)


def few_shot_rate(kind: str) -> float:
    """Return the rate that a kind adapts to a new task with."""
    return _of(kind, FEW_SHOT)


def _of(kind: str, rates: Mapping[str, float]) -> float:
    """Return a kind's own rate, that of what it is a form of, or that of its name without its shape."""
    name = ALSO.get(kind, kind)
    return rates[name] if name in rates else rates[name.partition("-")[0]]
