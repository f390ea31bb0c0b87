"""Learning rates by kind of adapter, tuned alike: three each (`GRID`), on a dev split.

Those of pre-training by the answers to held-out sequences of the 48 tasks, of a training that no run uses; those of
few-shot adaptation by the answers on the twelve tasks of tuning, from the adapters of training 0. Routers of tasks,
`z`, learn at a multiple (`inventory.py`). The grids and what was scored at them are shipped: the cards
`rates-pretraining` and `rates-few-shot`, and `adabench train 'rates-*'` makes them anew.
"""

GRID = (1e-3, 3e-3, 1e-2)

PRETRAINING = {
    "lora-4": 1e-2,
    "lora-32": 3e-3,
    "lora-36": 3e-3,
    "poly": 1e-2,
    "mhr": 1e-2,
    "mhr-mu": 3e-3,
    "mhr-shuffled": 1e-2,
    "mola": 3e-3,
    "mola-layered": 3e-3,
    "mola-random": 3e-3,
    "dynmole": 3e-3,
    "dynmole-plain": 3e-3,
    "soft": 3e-3,
}

FEW_SHOT = {
    "fresh": 1e-2,
    "lora-4": 3e-3,
    "lora-32": 3e-3,
    "lora-36": 3e-3,
    "poly": 3e-3,
    "mhr": 3e-3,
    "mhr-z": 3e-3,
    "mhr-mu": 3e-3,
    "mhr-shuffled": 3e-3,
    "poly-rand": 3e-3,
    "mola": 3e-3,
    "mola-layered": 3e-3,
    "mola-random": 3e-3,
    "dynmole": 3e-3,
    "soft": 3e-3,
}
