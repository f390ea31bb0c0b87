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
from adabench.harness import cache, environment, quality, registry, store
from adabench.harness.card import Card
from adabench.harness.errors import DeviceUnavailable, SelectionError, StoreError
from adabench.harness.execute import Settings, execute
from adabench.harness.findings import Findings
from adabench.harness.read import find
from adabench.harness.record import Record, Turn
from adabench.harness.worker import Limits, execute_isolated
from adabench.profilers.disturbance import Watch
from adabench.profilers.nvml import Unmetered
from adabench.profilers.precision import Target
from adabench.profilers.probe import Probe, instruments, open_probes

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
    budget_s: float = Target.budget_s
    steady_s: float = 0.0
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
) -> store.Run:
    """Start a run folder with its manifest; `profile` is what `hardware.admitted` returned.

    Raises:
        StoreError: if it cannot be written or holds a run already.
    """
    now = datetime.now().astimezone()
    folder = out or Path("runs") / store.run_name(now, asked.select)
    manifest = {
        "adabench": importlib.metadata.version("adabench"),
        "command": ["adabench", *sys.argv[1:]],
        "started": now.isoformat(timespec="seconds"),
        "asked": asdict(asked),
        "environment": environment.fingerprint(),
        "instruments": [_instrument(item) for item in instruments()],
        "unwatched": _unwatched(),
        "sources": _sources(turns),
        **({"profile": dict(profile)} if profile else {}),
    }
    return store.create(folder, turns, manifest)


def resume(folder: Path, asked: Asked, profile: Mapping[str, Any] | None = None) -> store.Run:
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
    manifest = store.read_manifest(folder)
    turns = store.planned(manifest)
    changed = [
        f"{name} ({was} then, {now} now)"
        for name, (was, now) in environment.differences(
            manifest["environment"], environment.fingerprint()
        ).items()
    ]
    now_sources = _sources(turns)
    changed += [name for name, was in manifest["sources"].items() if now_sources.get(name) != was]
    if changed:
        raise StoreError(
            f"{folder} was started under other conditions: {', '.join(changed)}.",
            "Mixed records could not be compared; start a new run.",
        )
    return store.resume(folder)


def limits(timeout_s: float | None, memory: str | None) -> Limits:
    """Return what a step may use."""
    return Limits(timeout_s, size_bytes(memory) if memory else None)


def executor(journal: store.Run, limits: Limits, *, energy: bool, cached: bool) -> Execute:
    """Choose how turns are executed: here, or in a worker when limits are set.

    How precisely is what the run's manifest says, so a resumed run goes on as it began.

    Raises:
        DeviceUnavailable: if the run's scale needs an accelerator that is not here.
    """
    asked = store.read_manifest(journal.folder).get("asked", {})
    meters = tuple(asked.get("meters", ()))
    probes = _probes({turn.cell.scale for turn in journal.turns}, meters)
    window_s = max([Settings.window_s, *(p.min_window_s for p in probes if energy)])
    precision = asked.get("precision")
    settings = Settings(
        window_s,
        cache.default_folder() if cached else None,
        target=Target(precision, asked["budget_s"]) if precision else None,
        steady_s=asked.get("steady_s", 0.0),
        meters=meters,
    )
    if limits == Limits():
        return partial(execute, probes=probes, settings=settings, done=journal.done)
    return partial(execute_isolated, limits=limits, settings=settings, done=journal.done)


def _unwatched() -> dict[str, str]:
    """Return the witnesses of disturbance that this machine lacks, each with the reason."""
    with closing(Watch()) as watch:
        return dict(watch.absent)


def _probes(scales: set[str], meters: tuple[str, ...]) -> list[Probe]:
    if "gpu" in scales:
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
    file = logging.FileHandler(folder / "log.txt", encoding="utf-8", delay=True)
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
    manifest = store.read_manifest(folder)
    records = store.records(folder)
    turns = store.planned(manifest)
    tasks = {turn.cell.task for turn in turns}
    methods = {turn.cell.address for turn in turns}
    manifest["warnings"] = [*hardware.marks(manifest), *quality.warnings(records, manifest)]
    manifest["records_sha256"] = store.digest(folder)
    return find(str(folder), manifest, _cards(tasks), _cards(methods), records)


def write_report(findings: Findings, folder: Path, out: Path | None = None) -> Path:
    """Write the HTML page, by default into the run's folder.

    Raises:
        StoreError: if it cannot be written.
    """
    from adabench.reports.html import render

    path = out or folder / "report.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(findings), encoding="utf-8")
    except OSError as problem:
        raise StoreError(
            f"The report {path} cannot be written: {problem.strerror}. The records are intact.",
            f"adabench report {folder} -o FILE.html",
        ) from problem
    return path


def write_figures(findings: Findings, folder: Path) -> list[Path]:
    """Write the figures as PNG and SVG."""
    from adabench.reports.pareto import save_figures

    return list(save_figures(findings, folder))


def show(findings: Findings, page: Path | None, as_json: bool) -> None:
    """Print what a run amounts to: tables for people, or one JSON document as the last line."""
    if as_json:
        print(json.dumps(findings.to_json() | {"report": str(page) if page else None}))
        return
    from rich.console import Console

    from adabench.reports import tables

    console = Console(width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100")))
    for table in tables.overview(findings):
        console.print(table)
    for warning in findings.manifest["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
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

    from adabench.reports import tables

    Console().print(tables.claims_table(findings))


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


def _sources(turns: Sequence[Turn]) -> dict[str, str]:
    """Digest what the cells' results depend on: the task folder's shared files and the method."""
    shared: dict[str, list[Path]] = {}
    digests = {}
    for address in sorted({turn.cell.address for turn in turns}):
        entry = registry.find(address)
        if not entry.path.is_file():
            continue
        if entry.task not in shared:
            folder = registry.find(entry.task).path.parent
            shared[entry.task] = [path for path in folder.glob("*.py") if not _is_method(path)]
        digests[address] = environment.source_digest([*shared[entry.task], entry.path])
    for path in sorted({path for turn in turns for path in cache.named_files(turn.cell)}):
        digests[path.name] = environment.source_digest([path])
    return digests


def _is_method(path: Path) -> bool:
    return path.stem != "task" and registry.read_card(path) is not None


def _instrument(item: Any) -> dict[str, Any]:
    return {**asdict(item), "keys": list(item.keys)}
