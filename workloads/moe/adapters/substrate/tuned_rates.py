"""Learning rates by kind of adapter, tuned alike: three each, on the tasks of tuning.

Few-shot rates were chosen by the mean accuracy on `dev_tasks` of training 0; rates of pre-training by the
accuracy on held-out sequences of the 48 tasks of a training seed that no run uses (`GRID_SEED`).
`training/tune_rates.py` does both, and prints what is written down here.
"""

GRID_SEED = 90
GRID = (1e-3, 3e-3, 1e-2)
"""What each kind was tried at; of pre-training and of few-shot adaptation alike."""

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
    "mhr-z": 1e-1,
    "mhr-mu": 3e-3,
    "mhr-shuffled": 3e-3,
    "poly-rand": 3e-3,
    "mola": 3e-3,
    "mola-layered": 3e-3,
    "mola-random": 3e-3,
    "dynmole": 3e-3,
    "soft": 3e-3,
    "task-specific": 1e-2,
}
