"""A gate from Python: two run folders judged, or two git revisions measured here and judged.

    outcome = run_gate(GateRequest(("paging/*",), rev="main..HEAD"))
    outcome.code    # 0 pass, 1 regression, 3 invalid, 5 ambiguous

Revisions are measured in interleaved rounds (`harness/gate/rounds.py`), each by a process of its own
(`revision_worker.py`). Of two folders no further rounds can be run; timings of runs that were not
interleaved are held against a wide allowance (`harness/gate/judge.py`).
"""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from adabench.harness.compare import loaded_run
from adabench.harness.compare.margins import Margin
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.gate import protocol, questions, revisions
from adabench.harness.gate.judge import GateVerdict, Rule, counts, exit_code, judge
from adabench.harness.gate.rounds import (
    FIRST,
    LOOKS,
    STRIDE,
    Pace,
    RevisionSetup,
    RoundRecords,
    measure,
    start_workers,
)
from adabench.harness.store import run_folder
from adabench.profilers.probe import instruments

COMMAND = ("-m", protocol.WORKER)
ASK_VERSION = f"""
try:
    from {protocol.MODULE} import VERSION
except ImportError:
    VERSION = 0
print(VERSION)
"""
Say = Callable[[str], None]


@dataclass(frozen=True)
class GateRequest:
    """What a gate is asked to judge."""

    places: tuple[str, ...] = ()
    """Two run folders, BASE and HEAD; with `rev` a selection of methods."""
    rev: str | None = None
    """Two git revisions: `main..HEAD`."""
    fixed: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    star: bool = False
    seeds: tuple[int, ...] = (0, 1, 2)
    scale: str = "embedded"
    margins: Mapping[str, Margin] = field(default_factory=dict)
    rounds: int = FIRST
    budget_s: float = 0.0
    """For further rounds of what is ambiguous."""
    require: tuple[str, ...] = ()
    """Times and energies without which there is no verdict: `latency_s`, `latency`."""
    install: str = "fast"
    """`fast`: on the packages installed here; `full`: by pip."""
    out: Path | None = None
    command: tuple[str, ...] = ()
    """The words of a shell that asked for it; the manifests of both runs hold them."""


@dataclass(frozen=True)
class GateOutcome:
    """What a gate found."""

    base: str
    head: str
    rows: tuple[GateVerdict, ...]
    rule: Rule
    notes: tuple[str, ...] = ()
    rounds: int = 0
    looks: int = 1
    folders: tuple[str, ...] = ()
    require: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """The exit code."""
        return exit_code(self.rows, self.require)

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
            "required": list(self.require),
            "folders": list(self.folders),
            "rows": [row.to_json() for row in self.rows],
        }


@dataclass(frozen=True)
class RevisionPlan:
    """What a revision says it would run."""

    cells: tuple[Cell, ...]
    sources: Mapping[str, str]
    cards: Mapping[str, Card]
    environment: Mapping[str, Any]


def run_gate(request: GateRequest, say: Say = lambda _: None) -> GateOutcome:
    """Judge two runs, or measure and judge two revisions; `say` is told how far it is.

    Raises:
        SelectionError: for words that make no sense.
        StoreError: for folders that are no runs, or runs of unlike machines.
        EnvironmentProblem: for a revision that cannot be installed, run or compared.
    """
    if request.rev is not None:
        return replace(_gate_revisions(request, request.rev, say), require=request.require)
    if len(request.places) != 2:
        raise SelectionError(
            "A gate needs two run folders, BASE and HEAD, or two revisions.",
            "adabench gate runs/base runs/head, or: adabench gate --rev main..HEAD 'paging/*'",
        )
    base, head = map(Path, request.places)
    return replace(gate_folders(base, head, request.margins, say), require=request.require)


def gate_folders(
    base: Path, head: Path, margins: Mapping[str, Margin], say: Say = lambda _: None
) -> GateOutcome:
    """Judge two runs that are on disk."""
    both = loaded_run.load_run(base), loaded_run.load_run(head)
    marks = [side.manifest.get("gate") or {} for side in both]
    together = bool(marks[0]) and marks[0].get("duel") == marks[1].get("duel")
    named = {name: marks[0][name] for name in ("looks", "look", "stride") if name in marks[0]}
    rule = Rule(**named) if together else Rule()
    tasks = sorted({cell.task for side in both for cell in side.table.cells})
    cards = {task: _card(task, say) for task in tasks}
    records = [run_folder.records(folder) for folder in (base, head)]
    rows = _rows(both, records, cards, margins, rule)
    notes = _folder_notes(rows, rule)
    folders = (str(base), str(head))
    return GateOutcome(both[0].name, both[1].name, tuple(rows), rule, notes, folders=folders)


def _rows(
    both: tuple[loaded_run.LoadedRun, loaded_run.LoadedRun],
    records: Sequence[Sequence[Record]],
    cards: Mapping[str, Card],
    margins: Mapping[str, Margin],
    rule: Rule,
) -> list[GateVerdict]:
    asked = questions.questions(*both, cards, margins)
    return [
        *judge(asked, rule),
        *questions.verdicts_on_missing_cells(*both, records, told=frozenset()),
    ]


def _folder_notes(rows: Sequence[GateVerdict], rule: Rule) -> tuple[str, ...]:
    notes = []
    if rule.stride is None and any(row.evidence == "processes" for row in rows):
        notes.append(
            "The two runs were not interleaved: a timing is called worse only beyond "
            f"{rule.allowance:.0%}, and what passes has passed for these two processes."
        )
    if any(row.verdict == "ambiguous" for row in rows):
        notes.append("Two folders cannot be measured further; --rev BASE..HEAD takes more rounds.")
    return tuple(notes)


def _gate_revisions(request: GateRequest, rev: str, say: Say) -> GateOutcome:
    """Check out, install, measure, judge."""
    if not request.places:
        raise SelectionError(
            "--rev needs to know which methods to run.", "For example: 'paging/*' chain/ets"
        )
    names, install = revisions.split(rev), request.install
    if install not in ("fast", "full"):
        raise SelectionError(f"--install cannot be {install!r}.", "It is fast or full.")
    with revisions.ready(names, Path.cwd(), install) as pair:  # type: ignore[arg-type]
        setups = [RevisionSetup(revision.label, revision.python) for revision in pair]
        check_protocol(setups)
        unlike = revisions.unlike_dependencies(*pair) if install == "fast" else []
        notes = []
        if unlike:
            notes.append(
                f"The revisions name different dependencies ({', '.join(unlike)}); both ran on what "
                "is installed here: --install full gives each its own."
            )
        return _measure_and_judge(setups, request, notes, say)


def check_protocol(setups: Sequence[RevisionSetup]) -> None:
    """Refuse revisions that do not speak this gate's protocol.

    Raises:
        EnvironmentProblem: naming both revisions, and which of them is why.
    """
    versions = [_protocol_version(setup) for setup in setups]
    if all(version == protocol.VERSION for version in versions):
        return
    reasons = [
        f"{setup.label} has {f'version {version}' if version else 'none'}"
        for setup, version in zip(setups, versions, strict=True)
        if version != protocol.VERSION
    ]
    raise EnvironmentProblem(
        f"{' and '.join(setup.label for setup in setups)} cannot be compared: a gate of revisions "
        f"speaks version {protocol.VERSION} of its protocol with both, and {', '.join(reasons)}.",
        "Check each out and run it with its own adabench (adabench run SELECTION --out BASE, then "
        "--out HEAD), and judge the folders: adabench gate BASE HEAD.",
    )


def _protocol_version(setup: RevisionSetup) -> int:
    """Return the version that a revision speaks; 0 for one from before there was a protocol."""
    done = subprocess.run(
        [setup.python, "-P", "-c", ASK_VERSION], env={**setup.environ} or None,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        return int(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise EnvironmentProblem(
            f"Python cannot be run for {setup.label}: {last[0]}.",
            "Its dependencies may be others than those installed here: try --install full.",
        ) from None


def _measure_and_judge(
    setups: Sequence[RevisionSetup], request: GateRequest, notes: list[str], say: Say
) -> GateOutcome:
    """Measure two revisions and judge them."""
    plans = [plan_revision(setup, request) for setup in setups]
    cells = [cell for cell in plans[1].cells if cell.key in {c.key for c in plans[0].cells}]
    if not cells:
        raise SelectionError("The two revisions have no configuration of this selection in common.")
    notes += _unpaired_notes(plans)
    looks = LOOKS if request.budget_s else 1  # without a budget there is no second one to pay for
    pace = Pace(request.rounds, looks, budget_s=request.budget_s)
    rule = Rule(looks=pace.looks, stride=STRIDE)
    now = datetime.now().astimezone()
    folder = request.out or Path("runs") / f"{now:%Y%m%d-%H%M%S}-gate"
    name = f"{now.isoformat()} {setups[0].label} {setups[1].label}"

    def look(rounds: RoundRecords) -> list[GateVerdict]:
        now_rule = replace(rule, look=rounds.looks + 1)
        base, head = (
            _write_side(folder / side, records, _manifest(plan, setup, name, now_rule, request))
            for side, records, plan, setup in zip(
                ("base", "head"), (rounds.base, rounds.head), plans, setups, strict=True
            )
        )
        both = replace(base, name=setups[0].label), replace(head, name=setups[1].label)
        return _rows(
            both, (rounds.base, rounds.head), plans[1].cards, request.margins, now_rule
        )  # fmt: skip

    rounds, rows = measure(setups, COMMAND, cells, pace, look, say)
    return GateOutcome(
        setups[0].label, setups[1].label, tuple(rows), rule, tuple(notes), rounds.count,
        rounds.looks, tuple(str(folder / side) for side in ("base", "head")),
    )  # fmt: skip


def _unpaired_notes(plans: Sequence[RevisionPlan]) -> list[str]:
    """Return a note for each side that has methods which the other lacks."""
    notes = []
    for one, other, side in ((plans[0], plans[1], "BASE"), (plans[1], plans[0], "HEAD")):
        alone = {cell.address for cell in one.cells} - {cell.address for cell in other.cells}
        if alone:
            notes.append(f"Only in {side}, so not judged: {', '.join(sorted(alone))}.")
    return notes


def plan_revision(setup: RevisionSetup, request: GateRequest) -> RevisionPlan:
    """Ask a revision for its plan of the selection."""
    order = protocol.PlanOrder(
        request.places, request.fixed, request.swept, request.star, request.seeds, request.scale
    )
    with start_workers([setup], COMMAND) as [worker]:
        environment = worker.receive()["environment"]
        answer = protocol.plan_answer(worker.request(plan=order.to_json()))
    cards = {
        task: Card(task, metrics=tuple(Metric(**_known(metric)) for metric in metrics))
        for task, metrics in answer.metrics.items()
    }
    cells = tuple(Cell(**cell) for cell in answer.cells)
    return RevisionPlan(cells, answer.sources, cards, environment)


def _known(metric: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that this revision's `Metric` has; another's may have more."""
    names = {item.name for item in fields(Metric)}
    return {name: value for name, value in metric.items() if name in names}


def _manifest(
    plan: RevisionPlan, setup: RevisionSetup, name: str, rule: Rule, request: GateRequest
) -> dict[str, Any]:
    return {
        "adabench": metadata.version("adabench"),
        "command": list(request.command),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "asked": {},
        "environment": dict(plan.environment),
        "instruments": [{**asdict(item), "keys": list(item.keys)} for item in instruments()],
        "sources": dict(plan.sources),
        "gate": {
            "duel": name,
            "revision": setup.label,
            "stride": STRIDE,
            "looks": rule.looks,
            "look": rule.look,
        },
    }


def _write_side(
    folder: Path, records: Sequence[Record], manifest: Mapping[str, Any]
) -> loaded_run.LoadedRun:
    """Write what was measured of one revision as a run, anew at every look, and read it."""
    (folder / run_folder.RECORDS).unlink(missing_ok=True)
    turns = {
        (record.cell.key, record.repeat): Turn(record.cell, record.repeat)
        for record in records
        if record.phase == "solve"
    }
    with run_folder.create(folder, turns.values(), manifest, synced=False) as run:
        for record in records:
            run.append(record)
    return loaded_run.load_run(folder)


def _card(task: str, say: Say) -> Card:
    """Return a task's card; of one that is not installed here nothing but its name is known."""
    try:
        return registry.find(task).card
    except SelectionError:
        say(f"warning: task {task} is not installed here: only its timings and joules are judged")
        return Card(task)
