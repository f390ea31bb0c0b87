"""The foot of the page: what disturbed the measurement, with what and where it was made.

Nothing here is a result; all of it decides what the results are worth.
"""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from adabench.harness.analysis.findings import Findings
from adabench.harness.contract.earlier_options import command_today
from adabench.reports.report.markup import LONGEST, table
from adabench.reports.tables.cells import Cell, Column, Sheet, text_columns

MOST_FAILURES = 200
"""Rows of failures; a run in which more go wrong is told by its count."""


def disturbances(findings: Findings) -> str:
    """Return the warnings, and what has no result."""
    told = findings.manifest.get("warnings", ())
    warnings = "".join(f"<li>{escape(str(text)[:2000])}</li>" for text in told)
    said = f'<ul class="warnings">{warnings}</ul>' if warnings else "<p>Nothing was noticed.</p>"
    return said + table(_failures(findings))


def _failures(findings: Findings) -> Sheet:
    """Group the records that are not ok by method, status and note."""
    failed = Counter(
        (record.cell.address, record.status, record.note.partition("\n")[0][:LONGEST])
        for record in findings.tally.without_result
    )
    columns = (*text_columns("method", "status"), Column("records"), *text_columns("note*"))
    body = tuple(
        (
            Cell(address, tone="strong"),
            Cell(status, tone="mute" if status == "skipped" else "bad"),
            Cell(f"{count:,}", value=count),
            Cell(note or "no reason was recorded"),
        )
        for (address, status, note), count in sorted(failed.items())[:MOST_FAILURES]
    )
    left = len(failed) - len(body)
    note = f"{left} more kinds are left out." if left else ""
    return Sheet("Records without a result", columns, body, note)


def instruments(listed: Iterable[Mapping[str, Any]]) -> str:
    """Return what could be measured, and what could not."""
    columns = text_columns("instrument", "label", "available", "reason*", "remedy*")
    body = tuple(
        (
            Cell(str(item.get("name", "–")), tone="strong"),
            Cell(str(item.get("label") or "–")),
            Cell("yes", tone="good") if item.get("available") else Cell("no", tone="bad"),
            Cell(str(item.get("reason") or "")),
            Cell(str(item.get("remedy") or "")),
        )
        for item in listed
    )
    drawn = table(Sheet("What could be measured, and what could not", columns, body))
    return drawn or "<p>The run does not say which instruments it had.</p>"


def environment(manifest: Mapping[str, Any]) -> str:
    """Return the machine, the versions and the settings."""
    facts = dict(_flat("", manifest.get("environment", {})))
    body = tuple((Cell(name), Cell(text)) for name, text in sorted(facts.items()))
    drawn = table(Sheet("Machine, versions and settings", text_columns("what", "value*"), body))
    return drawn or "<p>The run does not describe its environment.</p>"


def _flat(name: str, value: Any) -> Iterable[tuple[str, str]]:
    """Spread nested data into (dotted name, text)."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list | tuple):
        yield name, ", ".join(str(item) for item in value) or "none"
    else:
        yield name, "unknown" if value is None else str(value)


def reproduce(findings: Findings) -> str:
    """Return the commands that make the run, and this page, again."""
    manifest = findings.manifest
    command = manifest.get("command", "")
    line = command if isinstance(command, str) else shlex.join(command_today(command))
    version = manifest.get("adabench")
    lines = [
        f"# adabench {version}" if version else "",
        line or "# the command was not recorded",
        f"adabench report {shlex.quote(findings.run)}  # this page again, from the records",
    ]
    digest = manifest.get("records_sha256")
    drawn = f"<p>Drawn from records with SHA-256 <code>{escape(str(digest))}</code>.</p>"
    text = "\n".join(part for part in lines if part)
    return f"<pre><code>{escape(text)}</code></pre>{drawn if digest else ''}"
