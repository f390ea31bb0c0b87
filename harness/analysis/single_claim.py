"""One claim against records, with all that it requires: what a run has of it so far."""

from dataclasses import replace

from adabench.harness.analysis.analyse import settled_cards
from adabench.harness.analysis.claims.verdicts import Look, verdicts
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.contract import registry
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.registry import Entry
from adabench.harness.store.table import Table


def judge_claim(entry: Entry, claim: Claim, table: Table, look: float | None = None) -> ClaimRow:
    """Judge a claim of a method by the records of a run of its own.

    Args:
        entry: the method that makes it, whose card may lack it.
        claim: what is judged.
        table: the records of the claim's own run, in which the method has some.
        look: of a planned look, how much further out than at 95 % the ends of intervals lie.
    """
    task = registry.find(entry.task)
    known = {f"{task.name}/{own.name}": own.card for own in registry.methods(task.name).values()}
    known.setdefault(entry.address, entry.card)
    ran = {cell.method for cell in table.all_cells}
    control = registry.permuted_control(entry)
    if control is not None and control.name in ran:
        known[control.address] = control.card
    dots = collapse(table)
    tasks, methods = settled_cards(dots, {task.name: task.card}, known)
    required = tuple(other for other in entry.card.claims if other.id in claim.requires)
    judged = {name: replace(card, claims=()) for name, card in methods.items()}
    judged[entry.address] = replace(methods[entry.address], claims=(claim, *required))
    looks: dict[str, Look] = {one.id: (look, None) for one in (claim, *required)}
    rows = verdicts(table, tasks, judged, dots, looks=looks)
    return next(row for row in rows if row.id == claim.id)
