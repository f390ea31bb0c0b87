"""Builds a static site over many runs, and adds to it as runs come.

What a site keeps of a run makes it independent of the run's folder. A file is written only if its bytes change; a page is drawn only if
what it shows has changed (`data/stamps.json` knows).
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from adabench.harness.analysis.findings import Findings
from adabench.harness.analysis.load_run import load_run
from adabench.harness.contract.record import Cell
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.files import json_document, scratch_folder, whole_file
from adabench.harness.history import archive
from adabench.harness.history import series as history
from adabench.harness.history.archive import ArchivedRun
from adabench.harness.provenance import source_digests
from adabench.harness.provenance.environment import source_digest
from adabench.harness.store import run_folder, table
from adabench.reports import shown_points
from adabench.reports.export import parquet
from adabench.reports.report.front_page import answer
from adabench.reports.report.page import render
from adabench.reports.site import machine_readable, pages
from adabench.reports.site.model import ANSWERS, Site, method_file, run_file

SETTINGS = "data/site.json"
STAMPS = "data/stamps.json"
DRAWING = ("adabench.reports.report.page", "adabench.reports.site.pages")
"""They import everything that draws a page."""
TITLE = "adabench"
Say = Callable[[str], None]


@dataclass
class SiteWriter:
    """Writes the files of a site, and remembers what changed."""

    folder: Path
    changed: list[str] = field(default_factory=list)
    same: int = 0
    stamps: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    say: Say = lambda _: None

    def put(self, name: str, content: bytes) -> None:
        """Write a file if its bytes change.

        Raises:
            StoreError: if it cannot be written.
        """
        path = self.folder / name
        try:
            if path.exists() and path.read_bytes() == content:
                self.same += 1
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            whole_file.write_whole(path, content)
        except OSError as problem:
            raise StoreError(
                f"{path} cannot be written: {problem.strerror}.",
                "Publish into a folder you may write to; publishing again goes on where it ended.",
            ) from problem
        self.changed.append(name)

    def draw(self, name: str, made_of: str, page: Callable[[], str]) -> None:
        """Draw and write a page if what it is made of has changed, or it is not there."""
        stamp = f"{made_of} {_drawing()}"
        if self.stamps.get(name) == stamp and (self.folder / name).exists():
            self.same += 1
            return
        self.put(name, page().encode())
        self.stamps[name] = stamp


def build_site(
    folder: Path,
    runs: Sequence[Path] = (),
    title: str | None = None,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Add runs to a site, or make one; return what changed and what the site says, as JSON data.

    `title` is kept from then on; `say` is told which run is being read or compared.

    Raises:
        SelectionError: for a folder that holds something else, or a site without a run.
        StoreError: for a run that cannot be read, or a file that cannot be written.
    """
    settings = _settings(folder, title)
    scratch_folder.sweep()
    for place in (folder, *folder.glob("**/")):  # what a publish that was killed was writing
        whole_file.sweep(place)
    known = _read(folder / STAMPS)
    stamps = {name: stamp for name, stamp in known.items() if isinstance(stamp, str)}
    writer = SiteWriter(folder, stamps=stamps, say=say)
    for run in runs:
        _keep(run, writer)
    kept = archive.read_archive(folder)
    if not kept:
        raise SelectionError(
            f"{folder} is not a site yet, and no run was named.", f"adabench publish {folder} RUN"
        )
    writer.put(SETTINGS, _text(settings))  # before any page: by it a site is known as ours
    site = _site(kept, settings, writer)
    _draw(site, writer)
    for stale in (folder / "feed.xml", *folder.glob("badges/*.svg")):  # of earlier versions
        stale.unlink(missing_ok=True)
    writer.put(STAMPS, _text(writer.stamps))
    writer.put(".nojekyll", b"")  # hosts that run Jekyll take the files as they are
    return _summary(site, writer)


def _text(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _settings(folder: Path, title: str | None) -> dict[str, str]:
    """Return the title that is given, else that of the site."""
    if (folder / "index.html").exists() and not (folder / SETTINGS).exists():
        raise SelectionError(
            f"{folder} holds an index.html that adabench did not write.",
            "Publish into a folder of its own.",
        )
    known = _read(folder / SETTINGS, {"title?": str})
    return {"title": title or known.get("title", TITLE)}


def _read(path: Path, shape: json_document.Shape = dict) -> dict[str, Any]:
    again = "Delete it; it is made again."
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as broken:
        raise StoreError(f"{path} cannot be read: {broken.strerror}.", again) from broken
    return json_document.parse(data, path, shape, again)


def _keep(run: Path, writer: SiteWriter) -> None:
    """Copy into the site what it needs of a run, and draw the run's report."""
    writer.say(f"reading {run}")
    findings = load_run(run)
    whole = not run_folder.has_only_findings(run)
    own = table.read(run) if whole else _without_cases(findings)
    findings = replace(findings, run=run.resolve().name)
    name = archive.identity(run)
    answers = json_document.sealed(_answers(findings, name))
    writer.put(f"data/runs/{name}/{ANSWERS}", _text(answers))
    for file, content in archive.files(findings, own, findings.run).items():
        writer.put(f"data/runs/{name}/{file}", content)
    columns = _parquet(own, writer) if whole else None
    if columns is not None:
        writer.put(f"data/runs/{name}/cases.parquet", columns)
    made_of = _digest(findings.to_json(), findings.manifest)
    writer.draw(run_file(name), made_of, partial(render, findings))


def _answers(findings: Findings, run: str) -> dict[str, str]:
    """Return, by task, its sentence and small plot, which link to the run's report."""
    recorded = {row.task for row in findings.summary}
    return {
        task: answer(findings, task, run_file(run), "h3")
        for task in shown_points.tasks(findings)
        if task in recorded
    }


def _without_cases(findings: Findings) -> table.Table:
    """Return a table without rows for a run whose records were not kept: only its cells."""
    scale = (*findings.tally.scales, "embedded")[0]
    seed = (*findings.tally.seeds, 0)[0]
    cells = {
        cell.key: cell
        for row in findings.summary
        for cell in (Cell(row.task, row.method, row.point, row.conditions, scale, seed),)
    }
    none = np.zeros(0, np.intp)
    return table.Table(
        tuple(cells[key] for key in sorted(cells)), none, none, none, ("",), none, {},
        kinds=findings.tally.kinds,
    )  # fmt: skip


def _parquet(own: table.Table, writer: SiteWriter) -> bytes | None:
    if not parquet.available():
        note = "No Parquet: pip install 'adabench[parquet]' brings pyarrow."
        writer.notes += [note] if note not in writer.notes else []
        return None
    return parquet.cases(own)


def _site(kept: Sequence[ArchivedRun], settings: Mapping[str, str], writer: SiteWriter) -> Site:
    groups = history.machines(kept)
    series = history.histories(groups, _linking(writer))
    machines = tuple(tuple(group) for group in groups)
    return Site(settings["title"], tuple(kept), machines, tuple(series))


def _linking(writer: SiteWriter) -> history.Links:
    """Return a way to links that computes those which the site does not have."""

    @cache
    def links(a: ArchivedRun, b: ArchivedRun) -> history.Indexed:
        name = f"data/links/{a.id}..{b.id}.json"
        made_of = [_file_digest(run.folder / archive.CASES) for run in (a, b)]
        stamp = {"format": history.FORMAT, "made_of": made_of}
        known = _read(writer.folder / name)
        if {key: known.get(key) for key in stamp} != stamp:
            writer.say(f"comparing {a.id} and {b.id}")
            known = {**stamp, "links": history.links_json(history.links(a, b))}
        text = json.dumps(json_document.sealed(known), separators=(",", ":"), sort_keys=True)
        writer.put(name, text.encode() + b"\n")
        # Read back, so that new and known links are the same to the order of their keys.
        try:
            return history.index_links(history.links_from_json(json.loads(text)["links"]))
        except (KeyError, TypeError, ValueError, AttributeError) as broken:
            raise StoreError(
                f"{writer.folder / name} is damaged: {broken!r}.", "Delete it; it is made again."
            ) from broken

    return links


def _draw(site: Site, writer: SiteWriter) -> None:
    for address in site.addresses:
        made_of, draw = _digest(*_of_method(site, address)), partial(pages.method, site, address)
        writer.draw(method_file(address), made_of, draw)
    writer.put("index.html", pages.index(site).encode())
    writer.put("data/index.json", machine_readable.index_json(site))
    writer.put("data/history.json", machine_readable.history_json(site))


def _of_method(site: Site, address: str) -> Iterator[Any]:
    """Yield everything that a method's page shows."""
    yield [asdict(s) for s in site.series if f"{s.task}/{s.method}" == address]
    yield [row for (task, name, _), row in site.claims.items() if f"{task}/{name}" == address]
    for run in site.runs:
        if any(cell.address == address for cell in run.cells):
            known = run.manifest
            yield [run.id, run.started, known.get("environment"), known["kept"]["methods"]]


def _digest(*documents: Any) -> str:
    text = json.dumps(archive.plain(list(documents)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@cache
def _drawing() -> str:
    """Name what draws: our code, the files that it fills in, and matplotlib."""
    sources = source_digests.sources_of_modules(*DRAWING)
    drawing = [source for source in sources if source.module.startswith("adabench.reports.")]
    files = source_digest(source_digests.data_files(drawing))
    code = source_digests.short(source_digests.digest(sources))
    return f"{code} {files[:12]} matplotlib {importlib.metadata.version('matplotlib')}"


def _summary(site: Site, writer: SiteWriter) -> dict[str, Any]:
    return {
        "site": str(writer.folder),
        "runs": len(site.runs),
        "histories": len(site.series),
        "steps": [
            {"address": f"{series.task}/{series.method}", "metric": series.metric,
             "before": change.before, "after": change.after, "estimate": change.estimate,
             "low": change.low, "high": change.high, "better": change.better}
            for series, change in site.steps
        ],
        "changed": sorted(writer.changed),
        "unchanged": writer.same,
        "notes": writer.notes,
    }  # fmt: skip
