"""Trains a recipe of this task by name."""

from adabench.workloads.depth_width.ledger_cot.recipes import recipes
from adabench.workloads.depth_width.substrate.checkpoints import training_of

train = training_of(recipes)
