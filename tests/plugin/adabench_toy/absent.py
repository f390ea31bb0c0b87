"""A method whose dependency is missing: it lists, and says why it cannot run."""

import adabench_toy_missing_dependency  # noqa: F401

from adabench.harness.contract.card import Card

CARD = Card(title="needs what is not there", role="static", needs=("nowhere",))
