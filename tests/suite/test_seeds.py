"""What tests draw from shared generators does not depend on what ran before."""

import random

import numpy as np
import torch

from tests.suite import seeds


def random_numbers() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_every_test_begins_in_the_same_state() -> None:
    found = random_numbers()
    assert random_numbers() != found
    seeds.begin()
    assert random_numbers() == found  # this test, too, began so
