"""What a site says beside its pages: the feed, the badges, the documents for programs.

A claims badge counts the claims that some run could test: `k/n reproduced` of the latest verdict on
each. A gap badge has the largest oracle gap closed whose interval excludes 0, each from the latest
run that has it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from adabench.harness.history.archive import plain
from adabench.reports.figures.style import file_stem
from adabench.reports.site.badges import badge
from adabench.reports.site.feed import Entry, feed
from adabench.reports.site.history import Shift, commit, moment, shifts, size
from adabench.reports.site.model import Site, excludes_zero, headline_words, method_file, run_file


def news(site: Site) -> bytes:
    """Return the Atom feed of runs and steps."""
    entries = [
        Entry(
            f"urn:adabench:run:{run.id}", f"Run {run.name}", run.started, run_file(run.id),
            f"{run.findings['records']:,} records of "
            f"{', '.join(sorted({cell.task for cell in run.cells}))} at commit {commit(run)}.",
        )
        for run in site.runs
    ]  # fmt: skip
    return feed(
        site.title,
        [*entries, *(_step_entry(site, shift) for shift in shifts(site.series))],
        site.url,
    )


def _step_entry(site: Site, shift: Shift) -> Entry:
    series, change = shift.series, shift.change
    address = f"{series.task}/{series.method}"
    before, after = site.by_id[change.before], site.by_id[change.after]
    word = "better" if change.better else "worse"
    where = file_stem(address, series.metric, word, str(series.hardware + 1))
    return Entry(
        f"urn:adabench:step:{change.before}:{change.after}:{where}",
        f"{address}: {series.metric} {word}, {size(change)}",
        after.started,
        method_file(address),
        f"Between {commit(before)} ({moment(before)}) and {commit(after)} ({moment(after)}), on "
        f"machine {series.hardware + 1}: {shift.where}.",
    )


def badges(site: Site) -> dict[str, bytes]:
    """Return the badges by file name: claims and oracle gaps, of all tasks and of each."""
    return {name: badge(*words) for name, words in badge_words(site).items()}


def badge_words(site: Site) -> dict[str, tuple[str, str, str]]:
    """Return what the badges say, by file name: left, right, tone."""
    tasks = sorted({address.partition("/")[0] for address in site.addresses})
    found = {
        "badges/claims.svg": _claims_words("claims", site.claims.values()),
        "badges/oracle-gap.svg": _gap_words("oracle gap closed", [*site.gaps.values()]),
    }
    for task in tasks:
        own = [row for (name, _, _), row in site.claims.items() if name == task]
        stem = f"badges/task-{file_stem(task)}"
        found[f"{stem}-claims.svg"] = _claims_words(f"{task} claims", own)
        rows = [row for address, row in site.gaps.items() if address.partition("/")[0] == task]
        found[f"{stem}-oracle-gap.svg"] = _gap_words(f"{task} oracle gap closed", rows)
    return found


def _claims_words(left: str, rows: Iterable[Mapping[str, Any]]) -> tuple[str, str, str]:
    words = headline_words(rows)
    if not words:
        return left, "none tested", "mute"
    good = words.count("reproduced")
    tone = "good" if good == len(words) else "bad" if not good else ""
    return left, f"{good}/{len(words)} headlines reproduced", tone


def _gap_words(left: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    if not rows:
        return left, "unknown", "mute"
    settled = [row["gap_closed"] for row in rows if excludes_zero(row)]
    if not settled:
        return left, "open", "mute"
    best = max(settled)
    return left, f"{best:.2f}" if len(rows) == 1 else f"best {best:.2f} of {len(rows)}", ""


def index_json(site: Site) -> bytes:
    """Return what the index says, for programs."""
    where = {run.id: i for i, group in enumerate(site.machines) for run in group}
    runs = [
        {"id": run.id, "name": run.name, "started": run.started, "machine": where[run.id],
         "commit": (run.manifest.get("environment") or {}).get("git_commit"),
         "dirty": (run.manifest.get("environment") or {}).get("git_dirty"),
         "page": run_file(run.id), "data": f"data/runs/{run.id}/"}
        for run in site.runs
    ]  # fmt: skip
    methods = {
        address: {"page": method_file(address), "gap": site.gaps.get(address)}
        for address in site.addresses
    }
    claims = [site.claims[key] for key in sorted(site.claims)]
    return _bytes({"title": site.title, "runs": runs, "methods": methods, "claims": claims})


def history_json(site: Site) -> bytes:
    """Return every history, for programs."""
    return _bytes({"series": [asdict(series) for series in site.series]})


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(plain(document), separators=(",", ":"), allow_nan=False).encode() + b"\n"
