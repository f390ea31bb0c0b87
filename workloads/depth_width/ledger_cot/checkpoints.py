"""Trains a recipe of this task by name."""

from functools import partial

from adabench.workloads.depth_width.ledger_cot.recipes import recipes
from adabench.workloads.depth_width.substrate.trained.named_training import train_named

train = partial(train_named, recipes)
