"""From a run's records to its findings: the only way from raw values to shown numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from adabench.harness.card import Card
from adabench.harness.conversion import conversion
from adabench.harness.findings import Findings
from adabench.harness.headroom import headroom
from adabench.harness.leaf import collapse
from adabench.harness.record import Record
from adabench.harness.summary import summarise
from adabench.harness.verdict import verdicts


def find(
    run: str,
    manifest: Mapping[str, Any],
    task_cards: Mapping[str, Card],
    method_cards: Mapping[str, Card],
    records: Sequence[Record],
) -> Findings:
    """Read a run: its summary, headroom, conversion and claims.

    `task_cards` is by folder, `method_cards` by address (`task/method`); both hold at least
    what the records name. The same set of records gives the same findings in any order.

    Raises:
        KeyError: if a record names a task or method without a card.
    """
    leaves = collapse(records)
    return Findings(
        run,
        manifest,
        task_cards,
        method_cards,
        records,
        summarise(leaves, task_cards),
        headroom(leaves, task_cards, method_cards),
        conversion(leaves, task_cards, method_cards),
        verdicts(records, task_cards, method_cards, leaves),
    )
