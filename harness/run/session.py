"""What `run`, `claims` and `report` share: opening runs, choosing instruments, showing findings."""

import importlib.metadata
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from adabench.cli import hardware
from adabench.cli.select import TOUR, Leg, size_bytes
from adabench.harness.analysis import findings_cache, warnings
from adabench.harness.analysis.analyse import find
from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.invalid_timings import undisturbed
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.record import Record, Turn
from adabench.harness.errors import DeviceUnavailable, SelectionError, StoreError
from adabench.harness.provenance import environment, environment_diff
from adabench.harness.provenance.source_digests import sources
from adabench.harness.race import certificate
from adabench.harness.run.execute import Settings, execute
from adabench.harness.run.isolated import Limits, execute_isolated
from adabench.harness.store import prepared_states, run_folder
from adabench.harness.store.table import read as read_table
from adabench.profilers.nvml import Unmetered
from adabench.profilers.probe import Probe, instruments, open_probes
from adabench.profilers.timing.disturbance import Watch
from adabench.profilers.timing.stopping import Target

log = logging.getLogger(__name__)
Execute = Callable[[Sequence[Turn]], Iterator[Record]]


@dataclass(frozen=True)
class Asked:
    """What the command line asked for."""

    select: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    swept: tuple[str, ...] = ()
    star: bool = True
    seeds: str = "0..2"
    repeats: int = 1
    scale: str = "embedded"
    precision: float | None = None
    """Half-width of the 95 % interval of each case's median latency, relative to it."""
    per_case_s: float = Target.budget_s
    steady_s: float = 0.0
    race_s: float | None = None
    """Race for the front for so long (`cli/race.py`)."""
    epsilon: float = 0.02
    meters: tuple[str, ...] = ()

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The stretches of the run; without a selection, those of the tour."""
        if self.select:
            return (Leg(self.select, self.fixed, self.swept, self.star),)
        return tuple(
            Leg(leg.select, leg.fixed + self.fixed, self.swept or leg.swept) for leg in TOUR
        )


def create(
    out: Path | None,
    turns: tuple[Turn, ...],
    asked: Asked,
    profile: Mapping[str, Any] | None = None,
) -> run_folder.Run:
    """Start a run folder with its manifest; `profile` is what `hardware.admitted` returned.

    Raises:
        StoreError: if it cannot be written or holds a run already.
    """
    now = datetime.now().astimezone()
    folder = out or Path("runs") / run_folder.run_name(now, asked.select)
    manifest = {
        "adabench": importlib.metadata.version("adabench"),
        "command": ["adabench", *sys.argv[1:]],
        "started": now.isoformat(timespec="seconds"),
        "asked": asdict(asked),
        "environment": environment.fingerprint(),
        "instruments": [_instrument(item) for item in instruments()],
        "unwatched": _unwatched(),
        "sources": sources(turns),
        environment_diff.BASE: environment_diff.base_digest(),
        **({"profile": dict(profile)} if profile else {}),
    }
    return run_folder.create(folder, turns, manifest)


def resume(folder: Path, asked: Asked, profile: Mapping[str, Any] | None = None) -> run_folder.Run:
    """Open an interrupted run to go on with it.

    Raises:
        SelectionError: if a selection was given too.
        StoreError: if the machine or the sources are not those it was started with.
    """
    if asked != Asked() or profile:
        raise SelectionError(
            "--resume takes no selection, seeds, repeats, scale, precision, meter or profile: "
            "the run knows what it was asked.",
            f"adabench run --resume {folder}",
        )
    manifest = run_folder.read_manifest(folder)
    turns = run_folder.planned(manifest)
    changed = [
        f"{name} ({was} then, {now} now)"
        for name, (was, now) in environment.differences(
            manifest["environment"], environment.fingerprint()
        ).items()
    ]
    now_sources = sources(turns)
    changed += [name for name, was in manifest["sources"].items() if now_sources.get(name) != was]
    if changed:
        raise StoreError(
            f"{folder} was started under other conditions: {', '.join(changed)}.",
            "Mixed records could not be compared; start a new run.",
        )
    return run_folder.resume(folder)


def limits(timeout_s: float | None, memory: str | None) -> Limits:
    """Return what a step may use."""
    return Limits(timeout_s, size_bytes(memory) if memory else None)


def executor(journal: run_folder.Run, limits: Limits, *, energy: bool, cached: bool) -> Execute:
    """Choose how turns are executed: here, or in a worker when limits are set.

    Raises:
        DeviceUnavailable: if the run's scale needs an accelerator that is not here.
    """
    probes = opened_probes(journal)
    how = settings(journal, probes, energy=energy, cached=cached)
    if limits == Limits():
        return partial(execute, probes=probes, settings=how, done=journal.done)
    return partial(execute_isolated, limits=limits, settings=how, done=journal.done)


def settings(
    journal: run_folder.Run, probes: Sequence[Probe], *, energy: bool, cached: bool
) -> Settings:
    """Return how cells are run, here or by a worker elsewhere.

    How precisely is what the run's manifest says, so a resumed run goes on as it began.
    """
    asked = run_folder.read_manifest(journal.folder).get("asked", {})
    precision = asked.get("precision")
    return Settings(
        max([Settings.window_s, *(p.min_window_s for p in probes if energy)]),
        prepared_states.default_folder() if cached else None,
        target=Target(precision, asked["per_case_s"]) if precision else None,
        steady_s=asked.get("steady_s", 0.0),
        meters=tuple(asked.get("meters", ())),
    )


def _unwatched() -> dict[str, str]:
    """Return the witnesses of disturbance that this machine lacks, each with the reason."""
    with closing(Watch()) as watch:
        return dict(watch.absent)


def opened_probes(journal: run_folder.Run) -> list[Probe]:
    """Open what measures here, the meters that were asked for, and at scale gpu the accelerator."""
    meters = tuple(run_folder.read_manifest(journal.folder).get("asked", {}).get("meters", ()))
    if any(turn.cell.scale == "gpu" for turn in journal.turns):
        return _opened(meters, "cuda", "Scale gpu is not testable here", "take --scale embedded")
    return _opened(meters, None, "A meter cannot be opened", "leave --meter out")


def _opened(
    meters: tuple[str, ...], device: Literal["cuda"] | None, what: str, instead: str
) -> list[Probe]:
    try:
        return open_probes(flops=True, device=device, meters=meters)
    except Unmetered as absent:
        raise DeviceUnavailable(
            f"{what}: {absent}", absent.remedy or f"Run it where there is one, or {instead}."
        ) from absent


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Keep everything that is logged, at level DEBUG, in the run's log.txt."""
    root = logging.getLogger("adabench")
    file = logging.FileHandler(folder / run_folder.LOG, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(file)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(sys.stderr):  # stdout is data: what a method prints is talk
            yield
    except KeyboardInterrupt:
        print(f"interrupted; go on with: adabench run --resume {folder}", file=sys.stderr)
        raise
    finally:
        root.removeHandler(file)
        file.close()


def read(folder: Path) -> Findings:
    """Read a run and compute everything that is shown of it.

    Raises:
        StoreError: if it is not a run or holds damaged records.
    """
    manifest = run_folder.read_manifest(folder)
    sha256 = manifest["records_sha256"] = run_folder.digest(folder)
    manifest["certificate"] = certificate.read(folder)
    turns = run_folder.planned(manifest)
    tasks = _cards({turn.cell.task for turn in turns})
    methods = _cards({turn.cell.address for turn in turns})
    made_of = findings_cache.made_of(folder, sha256, tasks, methods)
    known = findings_cache.load(folder, made_of, manifest, tasks, methods)
    if known:
        return known
    records = read_table(folder, sha256)
    manifest["warnings"] = [
        *hardware.marks(manifest),
        *certificate.marks(manifest["certificate"]),
        *warnings.warnings(records, manifest),
    ]
    findings = find(str(folder), manifest, tasks, methods, records)
    findings_cache.save(folder, made_of, findings)
    return findings


def write_report(
    findings: Findings, folder: Path, out: Path | None = None, *, anew: bool = True
) -> Path:
    """Write the HTML page, by default into the run's folder.

    Unless it is wanted anew, a page that was drawn from these very records is left as it is.

    Raises:
        StoreError: if it cannot be written.
    """
    path = out or folder / "report.html"
    if not anew and _is_drawn_from(path, findings.manifest["records_sha256"]):
        return path
    from adabench.reports.report import drill_down
    from adabench.reports.report.page import render

    records = undisturbed(read_table(folder, findings.manifest["records_sha256"]))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        page = render(findings, insides=[drill_down.inside(findings, records)])
        path.write_text(page, encoding="utf-8")
    except OSError as problem:
        raise StoreError(
            f"The report {path} cannot be written: {problem.strerror}. The records are intact.",
            f"adabench report {folder} -o FILE.html",
        ) from problem
    return path


def _is_drawn_from(page: Path, sha256: str) -> bool:
    try:
        return f"<code>{sha256}</code>" in page.read_text(encoding="utf-8")
    except OSError:
        return False


def write_figures(findings: Findings, folder: Path) -> list[Path]:
    """Write the figures as SVG, PDF and PNG, and the tables as LaTeX and Markdown.

    Raises:
        StoreError: if they cannot be written.
    """
    from adabench.reports.paper.figures import save_all

    try:
        return save_all(findings, folder)
    except OSError as problem:
        raise StoreError(
            f"The figures cannot be written to {folder}: {problem.strerror}."
        ) from problem


def show(findings: Findings, page: Path | None, as_json: bool) -> None:
    """Print what a run amounts to: tables for people, or one JSON document as the last line."""
    if as_json:
        raced = findings.manifest.get("certificate")
        document = findings.to_json() | ({"certificate": raced} if raced else {})
        print(json.dumps(document | {"report": str(page) if page else None}))
        return
    from rich.console import Console

    from adabench.reports.tables import terminal

    console = Console(width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100")))
    for table in terminal.overview(findings):
        console.print(table)
    for warning in findings.manifest["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    if findings.manifest.get("certificate"):
        print(certificate.page(findings.manifest["certificate"]))
    print(f"Records: {findings.run}")
    if page:
        print(f"Report:  {page}")


def show_claims(findings: Findings, as_json: bool) -> None:
    """Print the verdicts, and on stderr what makes them less than they look."""
    for warning in findings.manifest["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        print(json.dumps([asdict(row) for row in findings.claims]))
        return
    from rich.console import Console

    from adabench.reports.tables import terminal

    Console().print(terminal.claims_table(findings))


def _cards(addresses: set[str]) -> dict[str, Card]:
    """Return cards; of a method that is no longer installed only its name is known."""
    found = {}
    for address in sorted(addresses):
        try:
            found[address] = registry.find(address).card
        except SelectionError:
            log.warning(
                "%s is in the run but not installed here: its claims are left out.", address
            )
            found[address] = Card(address)
    return found


def _instrument(item: Any) -> dict[str, Any]:
    return {**asdict(item), "keys": list(item.keys)}
