"""Trains a recipe of this task by name, for a model and a text: its `model`, `data`, `device` and `fitting`."""

from functools import partial

from adabench.workloads.depth_width.pretrained.recipes import recipes
from adabench.workloads.depth_width.substrate.trained.named_training import train_named

train = partial(train_named, recipes)
