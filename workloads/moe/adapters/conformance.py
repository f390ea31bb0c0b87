"""What every adapter method must obey, ours or a plug-in's.

    source      it imports nothing that tells the answers of tests (oracles excepted), nor what trains
    counted     the numbers that changed in an adaptation are those that are counted as trained

`check` yields a sentence per broken rule and nothing for a sound method. It proves nothing.
"""

from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

RULES = Rules(
    task="adabench.workloads.moe.adapters",
    off_limits=frozenset(("meter", "tests", "clock", "account", "enter", "_ledger")),
    who="method",
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method."""
    yield from source_problems(RULES, method, card)
