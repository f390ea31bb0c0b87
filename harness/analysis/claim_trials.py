"""A rule of `adabench check`: no control meets a published claim on the small cases.

What is decided on a whole run is tried here on few small cases, so that an author hears of it before a
run does. Each published claim that is decided by counts is run as it says, with its rivals and the
controls of its task; then the court judges as it always does. A claim that the method meets and a
control meets too says nothing of the method. What small cases leave open is no objection.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from adabench.harness.analysis.claims.command import sweeps
from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.findings import ClaimRow
from adabench.harness.analysis.independent_units import fitted_for
from adabench.harness.analysis.single_claim import judge_claim
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, OutOfReach
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import metric_names, rival_names
from adabench.harness.contract.permuted_control import permuted_name
from adabench.harness.contract.record import Record, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError
from adabench.harness.plan.grid import Selection, plan, select_settings
from adabench.harness.run.execute import Bench
from adabench.harness.run.record_values import TIMED
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.store.prepared_states import default_folder
from adabench.harness.store.table import from_records

SEEDS = range(3)
MOST_S = 20.0
"""So long the claims of one method are tried; the remaining ones are left to a run."""
LIMITS = Limits(timeout_s=300.0)


@dataclass
class ClaimTrials:
    """The published claims of one method, tried on small cases."""

    entry: Entry
    most_s: float = MOST_S
    records: dict[str, list[Record]] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """Say which claims a control meets."""
        until = monotonic() + self.most_s
        bench = Bench(Settings(cache_folder=default_folder()), LIMITS)
        try:
            for claim in filter(is_counted, self.entry.card.claims):
                turns = self._turns(claim)
                if turns and self._run(bench, turns, until):
                    yield from self._unmasked(claim, self._row(claim, turns))
                    yield from self._unmeasured(claim, turns)
                    yield from self._fitted(claim, turns)
        finally:
            bench.close()

    def _run(self, bench: Bench, turns: tuple[Turn, ...], until: float) -> bool:
        """Run what was not run yet; say whether there was time for all of it."""
        for turn in turns:
            if turn.cell.key in self.records:
                continue
            if monotonic() >= until or (not self.records and bench.starts_cold(turn)):
                return False
            try:
                made = [step.news() for step in bench.steps(turn)]
            except SelectionError:  # it needs a file of the user's
                return False
            self.records[turn.cell.key] = [record for record in made if record is not None]
        return True

    def _turns(self, claim: Claim) -> tuple[Turn, ...]:
        """Lay out a claim's run under the small conditions; none where they cannot hold it."""
        task, cards = registry.find(self.entry.task), _cards(self.entry)
        evidence = Evidence(task.name, task.card, cards, [])
        values = sweeps(claim, self.entry.name, evidence)
        few: Mapping[str, Any] = getattr(registry.load(task), "CHECK_CONDITIONS", {})
        small = {name: value for name, value in few.items() if name not in values}
        names = dict.fromkeys(
            (self.entry.name, *rival_names(claim.expect), *apart(claim, self.entry.name, cards))
        )
        settings = list[Selection]()
        for name in names:
            try:
                settings.append(
                    select_settings(
                        task, registry.find(f"{task.name}/{name}"), fixed=small,
                        swept=values, star=False,
                    )
                )  # fmt: skip
            except SelectionError:  # it calls something else by the name of a knob of the claim
                continue
        return plan(settings, seeds=SEEDS)

    def _unmasked(self, claim: Claim, row: ClaimRow) -> Iterator[str]:
        """Say it if a control, or whom it names, meets a claim that the method meets too."""
        rivals = set(apart(claim, self.entry.name, _cards(self.entry)))
        met = [name for name in row.met_by if name in rivals]
        if met and row.verdict == "does not discriminate":
            yield (
                f"{claim.id} says nothing of the method: {' and '.join(met)} meets it too, on the "
                "small cases. State it so that it tells the method from what does not adapt, or "
                "require what sets the method apart"
            )

    def _unmeasured(self, claim: Claim, turns: tuple[Turn, ...]) -> Iterator[str]:
        """Say it if nobody whom a claim must be told apart from records what it speaks of."""
        rivals = set(apart(claim, self.entry.name, _cards(self.entry)))
        made = [r for turn in turns for r in self.records[turn.cell.key] if r.cell.method in rivals]
        missing = unrecorded(claim, made)
        if missing:
            yield (
                f"{claim.id} speaks of {' and '.join(missing)}, which {' and '.join(sorted(rivals))} "
                "never records: no control could meet it. Name one that does (apart_from=)"
            )

    def _fitted(self, claim: Claim, turns: tuple[Turn, ...]) -> Iterator[str]:
        """Say it if a claim over cases or seeds compares what was trained for it."""
        task = registry.find(self.entry.task).card
        if claim.over not in ("cases", "seeds") or task.cases == "nested":
            return
        compared = {self.entry.name, *rival_names(claim.expect)}
        made = [record for turn in turns for record in self.records[turn.cell.key]]
        used = {name for r in made if r.cell.method in compared for name in r.trained}
        for name in fitted_for(used, task):
            yield (
                f"{claim.id} is over {claim.over}, and what it compares reads {name}, which was trained for it "
                '(the task\'s given= does not name it): say over="trainings"'
            )

    def _row(self, claim: Claim, turns: tuple[Turn, ...]) -> ClaimRow:
        """Judge one claim by the records of its own turns."""
        made = [record for turn in turns for record in self.records[turn.cell.key]]
        return judge_claim(self.entry, claim, from_records(made))


def unrecorded(claim: Claim, records: Sequence[Record]) -> list[str]:
    """Return the metrics of a claim that are in no record, of records that are there and ok."""
    values = [record.values for record in records if record.status == "ok"]
    left_out = getattr(claim.expect, "less", "")  # of a side that has none nothing is taken off
    names = [name for name in metric_names(claim.expect) if name != left_out]
    return [name for name in dict.fromkeys(names) if values and not any(name in v for v in values)]


def is_counted(claim: Claim) -> bool:
    """Say whether a claim is published and decided by counts, at a scale that is everywhere."""
    if not claim.published or isinstance(claim.expect, OutOfReach) or claim.scale != "embedded":
        return False
    return not any(name.endswith(TIMED) for name in metric_names(claim.expect))


def apart(claim: Claim, method: str, cards: Mapping[str, Card]) -> tuple[str, ...]:
    """Return who must not meet a claim of a method: those that it names, else all its controls."""
    own = permuted_name(method)
    if claim.apart_from is not None:
        return (*claim.apart_from, *((own,) if claim.apart_from and own in cards else ()))
    return tuple(name for name, card in cards.items() if card.controls(method))


def _cards(entry: Entry) -> dict[str, Card]:
    """Return the cards of a method's task, and of the control that the harness makes of it."""
    control = registry.permuted_control(entry)
    own = [control] if control else []
    return {one.name: one.card for one in (*registry.methods(entry.task).values(), *own)}
