"""`adabench gate`: may HEAD be merged, yes or no.

    exit 0   pass: nothing is worse by its margin, and that is shown
         1   regression
         2   words that make no sense
         3   invalid, or incomparable: unlike hardware, a revision that cannot be installed
         5   ambiguous after the budget

BASE and HEAD are run folders, or git revisions (`--rev main..HEAD`), which are then measured here
in interleaved rounds (`harness/gate/rounds.py`). Of two folders no further rounds can be run; timings
of runs that were not interleaved are held against a wide allowance (`harness/gate/judge.py`).
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from adabench.cli import junit
from adabench.harness.compare import loaded_run, margins
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import SelectionError
from adabench.harness.gate import questions, revisions
from adabench.harness.gate import self_test as selftest
from adabench.harness.gate.judge import Judged, Question, Rule, counts, exit_code, judge
from adabench.harness.gate.rounds import (
    FIRST,
    LOOKS,
    STRIDE,
    Corner,
    Pace,
    Taken,
    measure,
    play,
    started,
)
from adabench.harness.store import run_folder
from adabench.profilers.probe import instruments

SCRIPT = Path(__file__).with_name("arm.py")
PLANTED = 0.05


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for."""

    places: tuple[str, ...] = ()
    """Two run folders; with `rev` or `self_test` a selection of methods."""
    rev: str | None = None
    self_test: bool = False
    fixed: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    star: bool = False
    seeds: str = "0..2"
    scale: str = "embedded"
    margins: tuple[str, ...] = ()
    rounds: int = FIRST
    budget: str = "0"
    install: str = "fast"
    out: Path | None = None
    junit: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What a gate found."""

    base: str
    head: str
    rows: tuple[Judged, ...]
    rule: Rule
    notes: tuple[str, ...] = ()
    rounds: int = 0
    looks: int = 1
    folders: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """The exit code."""
        return exit_code(self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "base": self.base,
            "head": self.head,
            "exit": self.code,
            "counts": dict(counts(self.rows)),
            "alpha": self.rule.alpha,
            "passing": self.rule.passing,
            "looks_planned": self.rule.looks,
            "looks": self.looks,
            "rounds": self.rounds,
            "interleaved": self.rule.stride is not None,
            "notes": list(self.notes),
            "folders": list(self.folders),
            "rows": [row.to_json() for row in self.rows],
        }


def gated(wanted: Wanted) -> Outcome:
    """Judge two runs, or measure and judge two revisions.

    Raises:
        SelectionError: for words that make no sense.
        StoreError: for folders that are no runs, or runs of unlike machines.
        EnvironmentProblem: for a revision that cannot be installed or run.
    """
    if wanted.rev is not None:
        return _of_revisions(wanted)
    if len(wanted.places) != 2:
        raise SelectionError(
            "A gate needs two run folders, BASE and HEAD, or two revisions.",
            "adabench gate runs/base runs/head, or: adabench gate --rev main..HEAD 'paging/*'",
        )
    base, head = map(Path, wanted.places)
    return of_folders(base, head, wanted)


def of_folders(base: Path, head: Path, wanted: Wanted) -> Outcome:
    """Judge two runs that are on disk."""
    both = loaded_run.opened(base), loaded_run.opened(head)
    duel = [side.manifest.get("gate") or {} for side in both]
    together = bool(duel[0]) and duel[0].get("duel") == duel[1].get("duel")
    named = {name: duel[0][name] for name in ("looks", "look", "stride") if name in duel[0]}
    rule = Rule(**named) if together else Rule()
    cards = {task: _card(task) for task in sorted({c.task for s in both for c in s.table.cells})}
    records = [run_folder.records(folder) for folder in (base, head)]
    rows = _rows(both, records, cards, margins.parsed(wanted.margins), rule, frozenset())
    return Outcome(both[0].name, both[1].name, tuple(rows), rule, tuple(_notes(rows, rule, wanted)),
                   folders=(str(base), str(head)))  # fmt: skip


def _rows(
    both: tuple[loaded_run.Side, loaded_run.Side],
    records: Sequence[Sequence[Record]],
    cards: Mapping[str, Card],
    given: Mapping[str, margins.Margin],
    rule: Rule,
    told: frozenset[str],
) -> list[Judged]:
    asked = questions.questions(*both, cards, given)
    return [*judge(asked, rule), *questions.gaps(*both, records, told=told)]


def _notes(rows: Sequence[Judged], rule: Rule, wanted: Wanted) -> list[str]:
    found = []
    if rule.stride is None and any(row.evidence == "processes" for row in rows):
        found.append(
            "The two runs were not interleaved: a timing is called worse only beyond "
            f"{rule.allowance:.0%}, and what passes has passed for these two processes."
        )
    if wanted.rev is None and any(row.verdict == "ambiguous" for row in rows):
        found.append("Two folders cannot be measured further; --rev BASE..HEAD takes more rounds.")
    return found


def _of_revisions(wanted: Wanted) -> Outcome:
    """Check out, install, measure, judge."""
    assert wanted.rev is not None
    if not wanted.places:
        raise SelectionError(
            "--rev needs to know which methods to run.", "For example: 'paging/*' chain/ets"
        )
    names, install = revisions.split(wanted.rev), wanted.install
    if install not in ("fast", "full"):
        raise SelectionError(f"--install cannot be {install!r}.", "It is fast or full.")
    given, budget_s = margins.parsed(wanted.margins), seconds(wanted.budget)
    with revisions.ready(names, Path.cwd(), install) as found:  # type: ignore[arg-type]
        unlike = revisions.unlike_dependencies(*found) if install == "fast" else []
        notes = []
        if unlike:
            notes.append(
                f"The revisions name different dependencies ({', '.join(unlike)}); both ran on what "
                "is installed here: --install full gives each its own."
            )
        corners = [Corner(revision.label, revision.python) for revision in found]
        looks = LOOKS if budget_s else 1  # without a budget there is no second one to pay for
        pace = Pace(wanted.rounds, looks, budget_s=budget_s)
        return _duel(corners, wanted, given, pace, notes)


def _duel(
    corners: Sequence[Corner],
    wanted: Wanted,
    given: Mapping[str, margins.Margin],
    pace: Pace,
    notes: list[str],
) -> Outcome:
    """Measure two corners and judge them."""
    laid = [lay_out(corner, wanted) for corner in corners]
    cells = [cell for cell in laid[1].cells if cell.key in {c.key for c in laid[0].cells}]
    if not cells:
        raise SelectionError("The two revisions have no cell of this selection in common.")
    for one, other, side in ((laid[0], laid[1], "BASE"), (laid[1], laid[0], "HEAD")):
        alone = {cell.address for cell in one.cells} - {cell.address for cell in other.cells}
        if alone:
            notes.append(f"Only in {side}, so not judged: {', '.join(sorted(alone))}.")
    rule = Rule(looks=pace.looks, stride=STRIDE)
    now = datetime.now().astimezone()
    folder = wanted.out or Path("runs") / f"{now:%Y%m%d-%H%M%S}-gate"
    duel = f"{now.isoformat()} {corners[0].label} {corners[1].label}"

    def look(taken: Taken) -> list[Judged]:
        now_rule = replace(rule, look=taken.looks + 1)
        opened = [
            _kept(folder / side, records, plan, corner, duel, now_rule)
            for side, records, plan, corner in zip(
                ("base", "head"), (taken.base, taken.head), laid, corners, strict=True
            )
        ]
        return _rows((opened[0], opened[1]), (taken.base, taken.head), laid[1].cards, given,
                     now_rule, frozenset())  # fmt: skip

    taken, rows = measure(corners, SCRIPT, cells, pace, look, _talk)
    return Outcome(
        corners[0].label, corners[1].label, tuple(rows), rule, tuple(notes), taken.rounds,
        taken.looks, tuple(str(folder / side) for side in ("base", "head")),
    )  # fmt: skip


@dataclass(frozen=True)
class Laid:
    """What a revision says it would run."""

    cells: tuple[Cell, ...]
    sources: Mapping[str, str]
    cards: Mapping[str, Card]
    environment: Mapping[str, Any]


def lay_out(corner: Corner, wanted: Wanted) -> Laid:
    """Ask a revision for its plan of the selection."""
    with started([corner], SCRIPT) as [arm]:
        environment = arm.hear()["environment"]
        asked = {"select": wanted.places, "fixed": wanted.fixed, "swept": wanted.swept,
                 "star": wanted.star, "seeds": wanted.seeds, "scale": wanted.scale}  # fmt: skip
        answer = arm.ask(plan=asked)
    cards = {
        task: Card(task, metrics=tuple(Metric(**metric) for metric in found))
        for task, found in answer["metrics"].items()
    }
    cells = tuple(Cell(**cell) for cell in answer["cells"])
    return Laid(cells, answer["sources"], cards, environment)


def _kept(
    folder: Path, records: Sequence[Record], laid: Laid, corner: Corner, duel: str, rule: Rule
) -> loaded_run.Side:
    """Write what was measured of one revision as a run, anew at every look, and read it."""
    for name in (run_folder.RECORDS, run_folder.TURNS):
        (folder / name).unlink(missing_ok=True)
    turns = {
        (record.cell.key, record.repeat): Turn(record.cell, record.repeat)
        for record in records
        if record.phase == "solve"
    }
    manifest = {
        "adabench": metadata.version("adabench"),
        "command": ["adabench", *sys.argv[1:]],
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "asked": {},
        "environment": dict(laid.environment),
        "instruments": [{**asdict(item), "keys": list(item.keys)} for item in instruments()],
        "sources": dict(laid.sources),
        "gate": {
            "duel": duel,
            "revision": corner.label,
            "stride": STRIDE,
            "looks": rule.looks,
            "look": rule.look,
        },
    }
    with run_folder.create(folder, turns.values(), manifest) as run:
        for record in records:
            run.append(record)
    return replace(loaded_run.opened(folder), name=corner.label)


def self_tested(wanted: Wanted) -> selftest.Tested:
    """Run A/A and A/B rounds until the budget is spent, and draw gates from them."""
    chosen = replace(wanted, places=wanted.places or ("paging/lru",), seeds="0")
    here = Path(sys.executable)
    equal = [Corner("A", here), Corner("A again", here)]
    unlike = [Corner("A", here), Corner("A, slowed", here, plant=PLANTED)]
    laid = lay_out(equal[0], chosen)
    pace, kinds = Pace(), (Taken(), Taken())
    budget_s = seconds(wanted.budget)
    while sum(taken.spent_s for taken in kinds) < budget_s or kinds[1].rounds < 2 * wanted.rounds:
        for corners, taken in zip((equal, unlike), kinds, strict=True):
            play(corners, SCRIPT, laid.cells, pace, taken)
        _talk(f"round {kinds[1].rounds} of either kind: {sum(t.spent_s for t in kinds):.0f} s")
    same, slowed = (_asked_of(taken, laid) for taken in kinds)
    rule = Rule(stride=STRIDE, looks=pace.looks)
    return selftest.tested(same, slowed, rule, wanted.rounds, PLANTED)


def _asked_of(taken: Taken, laid: Laid) -> list[Question]:
    from adabench.harness.store.table import from_records

    manifest = {"environment": dict(laid.environment)}
    both = [
        loaded_run.Side(name, manifest, from_records(records), {})
        for name, records in (("A", taken.base), ("B", taken.head))
    ]
    return questions.questions(both[0], both[1], laid.cards, {})


def seconds(text: str) -> float:
    """Read `5m`, `90s`, `90`, `1h`.

    Raises:
        SelectionError: if it is no time.
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    unit = units.get(text[-1:], 0.0)
    try:
        value = float(text[:-1] if unit else text) * (unit or 1.0)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SelectionError(f"{text!r} is no budget.", "For example: --budget 5m")
    return value


def publish(found: Outcome, to: Path | None, say: Callable[[str], None]) -> None:
    """Write what a CI system reads."""
    if to:
        junit.write(to, junit.junit(found.rows))
    if not junit.in_actions():
        return
    for line in junit.annotations(found.rows):
        say(line)
    step = os.environ.get("GITHUB_STEP_SUMMARY")
    if step:
        title = f"{found.base} → {found.head}"
        junit.write(Path(step), junit.summary(found.rows, title, found.notes), append=True)


def _card(task: str) -> Card:
    """Return a task's card; of one that is not installed here nothing but its name is known."""
    try:
        return registry.find(task).card
    except SelectionError:
        _talk(f"warning: task {task} is not installed here: only its timings and joules are judged")
        return Card(task)


def _talk(line: str) -> None:
    print(line, file=sys.stderr)
