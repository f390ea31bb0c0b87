"""`adabench publish`: a site over many runs, added to as runs come.

What a site keeps of a run makes it independent of the run's folder: `adabench publish site
runs/new` adds one run to what is there. A file is written only if its bytes change, through a
temporary name; a page is drawn only if what it shows has changed (`data/stamps.json` knows).
"""

import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from adabench.cli import session
from adabench.harness.errors import SelectionError, StoreError
from adabench.harness.history import archive
from adabench.harness.history import series as history
from adabench.harness.history.archive import Kept
from adabench.harness.provenance.environment import source_digest
from adabench.harness.store import table

SETTINGS = "data/site.json"
STAMPS = "data/stamps.json"
TITLE = "adabench"


@dataclass
class Written:
    """What publishing did."""

    folder: Path
    changed: list[str] = field(default_factory=list)
    same: int = 0
    stamps: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

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
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as problem:
            raise StoreError(
                f"{path} cannot be written: {problem.strerror}.",
                "Publish into a folder you may write to; publishing again goes on where it ended.",
            ) from problem
        self.changed.append(name)

    def drawn(self, name: str, made_of: str, draw: Callable[[], str]) -> None:
        """Draw and write a page if what it is made of has changed, or it is not there."""
        stamp = f"{made_of} {_drawing()}"
        if self.stamps.get(name) == stamp and (self.folder / name).exists():
            self.same += 1
            return
        self.put(name, draw().encode())
        self.stamps[name] = stamp


def publish(
    folder: Path, runs: Sequence[Path], title: str | None = None, url: str | None = None
) -> tuple[Written, dict[str, Any]]:
    """Add runs to a site, or make one; return what was written, and what the site says.

    Raises:
        SelectionError: for a folder that holds something else, or a site without a run.
        StoreError: for a run that cannot be read, or a file that cannot be written.
    """
    settings = _settings(folder, title, url)
    known = _read(folder / STAMPS)
    written = Written(folder, stamps={k: v for k, v in known.items() if isinstance(v, str)})
    for run in runs:
        _keep(run, written)
    kept = archive.kept(folder)
    if not kept:
        raise SelectionError(
            f"{folder} is not a site yet, and no run was named.", f"adabench publish {folder} RUN"
        )
    site = _site(kept, settings, written)
    _draw(site, written)
    for name, document in ((SETTINGS, settings), (STAMPS, written.stamps)):
        written.put(name, json.dumps(document, indent=1, sort_keys=True).encode() + b"\n")
    written.put(".nojekyll", b"")  # hosts that run Jekyll take the files as they are
    return written, _told(site, written)


def _settings(folder: Path, title: str | None, url: str | None) -> dict[str, str]:
    """Return title and address: those given, else those the site has."""
    if (folder / "index.html").exists() and not (folder / SETTINGS).exists():
        raise SelectionError(
            f"{folder} holds an index.html that adabench did not write.",
            "Publish into a folder of its own.",
        )
    known = _read(folder / SETTINGS)
    address = known.get("url", "") if url is None else url
    if address and not address.startswith(("https://", "http://")):
        raise SelectionError(f"{address!r} is no address of a site.", "--url https://host/path/")
    slash = "/" if address and not address.endswith("/") else ""
    return {"title": title or known.get("title", TITLE), "url": address + slash}


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as broken:
        raise StoreError(
            f"{path} cannot be read: {broken}", "Delete it; it is made again."
        ) from broken
    return found


def _keep(run: Path, written: Written) -> None:
    """Copy into the site what it needs of a run, and draw the run's report."""
    from adabench.reports.site.model import run_file

    print(f"reading {run}", file=sys.stderr)
    findings, own = session.read(run), table.read(run)
    findings = replace(findings, run=run.resolve().name)
    name = archive.identity(run)
    for file, content in archive.files(findings, own, findings.run).items():
        written.put(f"data/runs/{name}/{file}", content)
    columns = _parquet(own, written)
    if columns is not None:
        written.put(f"data/runs/{name}/cases.parquet", columns)
    made_of = _digest(findings.to_json(), findings.manifest)
    written.drawn(run_file(name), made_of, partial(_report, findings))


def _report(findings: Any) -> str:
    from adabench.reports.report.page import render

    return render(findings)


def _parquet(own: table.Table, written: Written) -> bytes | None:
    from adabench.reports.export import parquet as columns

    if not columns.available():
        note = "No Parquet: pip install 'adabench[parquet]' brings pyarrow."
        written.notes += [note] if note not in written.notes else []
        return None
    return columns.cases(own)


def _site(kept: Sequence[Kept], settings: Mapping[str, str], written: Written) -> Any:
    from adabench.reports.site.model import Site

    groups = history.machines(kept)
    series = history.histories(groups, _linking(written))
    machines = tuple(tuple(group) for group in groups)
    return Site(settings["title"], settings["url"], tuple(kept), machines, tuple(series))


def _linking(written: Written) -> history.Links:
    """Return a way to links that computes those which the site does not have."""

    @cache
    def links(a: Kept, b: Kept) -> history.Indexed:
        name = f"data/links/{a.id}..{b.id}.json"
        made_of = [_file_digest(run.folder / archive.CASES) for run in (a, b)]
        stamp = {"format": history.FORMAT, "made_of": made_of}
        known = _read(written.folder / name)
        if {key: known.get(key) for key in stamp} != stamp:
            print(f"comparing {a.id} and {b.id}", file=sys.stderr)
            known = {**stamp, "links": history.links_json(history.links(a, b))}
        text = json.dumps(known, separators=(",", ":"), sort_keys=True)
        written.put(name, text.encode() + b"\n")
        # Read back, so that new and known links are the same to the order of their keys.
        return history.indexed(history.links_from_json(json.loads(text)["links"]))

    return links


def _draw(site: Any, written: Written) -> None:
    from adabench.reports.site import machine_readable, pages
    from adabench.reports.site.model import method_file

    for address in site.addresses:
        made_of, draw = _digest(*_of_method(site, address)), partial(pages.method, site, address)
        written.drawn(method_file(address), made_of, draw)
    written.put("index.html", pages.index(site).encode())
    written.put("feed.xml", machine_readable.news(site))
    for name, content in {
        **machine_readable.badges(site),
        "data/index.json": machine_readable.index_json(site),
        "data/history.json": machine_readable.history_json(site),
    }.items():
        written.put(name, content)


def _of_method(site: Any, address: str) -> Iterator[Any]:
    """Yield everything that a method's page shows."""
    from dataclasses import asdict

    yield [asdict(s) for s in site.series if f"{s.task}/{s.method}" == address]
    yield [row for (task, name, _), row in site.claims.items() if f"{task}/{name}" == address]
    for run in site.runs:
        if any(cell.address == address for cell in run.cells):
            yield [
                run.id,
                run.started,
                run.manifest.get("environment"),
                run.manifest["kept"]["methods"],
            ]


def _digest(*documents: Any) -> str:
    text = json.dumps(archive.plain(list(documents)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@cache
def _drawing() -> str:
    """Name what draws: our files and matplotlib."""
    from adabench.reports.report import page_frame as pages

    here = Path(pages.__file__).parent
    own = source_digest(
        path for path in here.iterdir() if path.suffix in (".py", ".html", ".css", ".js")
    )
    return f"{own[:16]} matplotlib {importlib.metadata.version('matplotlib')}"


def _told(site: Any, written: Written) -> dict[str, Any]:
    return {
        "site": str(written.folder),
        "runs": len(site.runs),
        "histories": len(site.series),
        "steps": [
            {"address": f"{series.task}/{series.method}", "metric": series.metric,
             "before": change.before, "after": change.after, "estimate": change.estimate,
             "low": change.low, "high": change.high, "better": change.better}
            for series, change in site.steps
        ],
        "changed": sorted(written.changed),
        "unchanged": written.same,
        "notes": written.notes,
    }  # fmt: skip


def show(told: Mapping[str, Any]) -> None:
    """Print which files changed; what is to be known beside goes to stderr."""
    for name in told["changed"]:
        print(f"{told['site']}/{name}")
    for note in told["notes"]:
        print(f"warning: {note}", file=sys.stderr)
    print(
        f"{len(told['changed'])} files changed, {told['unchanged']} did not; {told['runs']} runs, "
        f"{told['histories']} histories, {len(told['steps'])} steps",
        file=sys.stderr,
    )
