"""Trains a recipe of this task by name, for a model and a text: its `model`, `data`, `device` and `fitting`."""

from adabench.workloads.depth_width.pretrained.recipes import recipes
from adabench.workloads.depth_width.substrate.checkpoints import training_of

train = training_of(recipes)
