"""What every method must obey on `text`, ours or a plug-in's: the rules of the family."""

from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.test_time.substrate.method_rules import problems


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method."""
    yield from problems("text", method, card)
