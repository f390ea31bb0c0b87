"""What a CI system reads of a gate: JUnit XML, GitHub annotations, GitHub's step summary.

JUnit knows passed, failed, errored and skipped; a regression fails, what is invalid is an error,
what is ambiguous is skipped with its reason (most systems show it, none of them calls it red; the
exit code 5 does). An annotation is one line on stdout that GitHub reads as a command; its rules of
escaping are those of actions/toolkit (`packages/core/src/command.ts`).
"""

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

from adabench.harness.errors import StoreError
from adabench.harness.gate.judge import WORDS, GateVerdict, counts

LEVELS = {"worse": "error", "invalid": "error", "ambiguous": "warning"}
MOST = 20
"""Annotations: GitHub shows ten errors and ten warnings of a step."""
MARKS = {"worse": "❌", "invalid": "⚠️", "ambiguous": "❔", "better": "🟢", "same": "✅"}


def name(row: GateVerdict) -> str:
    """Name an operating point: what differs from other cells of the method."""
    cell = row.cell
    turned = ", ".join(f"{k}={v}" for k, v in sorted({**cell.point, **cell.conditions}.items()))
    return f"{cell.address} ({turned})" if turned else cell.address


def effect(row: GateVerdict) -> str:
    """Say the effect with its interval."""
    if row.effect is None:
        return row.note
    scale, unit = (100.0, "%") if row.relative else (100.0, "pt")
    ends = [None if end is None else scale * end for end in (row.low, row.high)]
    text = f"{scale * row.effect:+.2f}{unit}"
    if row.evidence in ("equal", "exact"):
        return "unchanged" if row.evidence == "equal" else text
    low, high = ("?" if end is None else f"{end:+.2f}" for end in ends)
    return f"{text} [{low}, {high}]"


def sentence(row: GateVerdict) -> str:
    """Say in one line what a verdict is."""
    parts = [f"{row.metric} {row.verdict}: {effect(row)}"]
    if row.evidence not in ("none", "equal"):
        parts.append(f"margin {row.margin}, {row.units} {row.evidence}")
    return ", ".join([*parts, *([row.note] if row.note and row.effect is not None else [])])


def is_disturbed(row: GateVerdict) -> bool:
    """Say whether a busy machine spoilt a time or an energy: a line says so, and no row does."""
    return row.by_meter and row.verdict == "invalid"


def junit(rows: Sequence[GateVerdict]) -> str:
    """Return the verdicts as JUnit XML: a suite a task, a case a metric of an operating point."""
    number = counts(rows)
    root = ET.Element("testsuites", name="adabench gate", tests=str(len(rows)),
                      failures=str(number["worse"]), errors=str(_errors(rows)))  # fmt: skip
    for task in sorted({row.cell.task for row in rows}):
        own = [row for row in rows if row.cell.task == task]
        number = counts(own)
        suite = ET.SubElement(
            root, "testsuite", name=task, tests=str(len(own)), failures=str(number["worse"]),
            errors=str(_errors(own)), skipped=str(number["ambiguous"] + number["invalid"] - _errors(own)),
        )  # fmt: skip
        for row in own:
            case = ET.SubElement(suite, "testcase", classname=name(row), name=row.metric)
            invalid = "skipped" if is_disturbed(row) else "error"
            kind = {"worse": "failure", "invalid": invalid, "ambiguous": "skipped"}.get(row.verdict)
            if kind:
                ET.SubElement(case, kind, message=sentence(row))
            ET.SubElement(case, "system-out").text = sentence(row)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _errors(rows: Sequence[GateVerdict]) -> int:
    return sum(row.verdict == "invalid" and not is_disturbed(row) for row in rows)


def annotations(rows: Sequence[GateVerdict]) -> Iterator[str]:
    """Yield GitHub's workflow commands, the most serious first."""
    loud = sorted((row for row in rows if row.verdict in LEVELS and not is_disturbed(row)),
                  key=lambda row: WORDS.index(row.verdict))  # fmt: skip
    for row in loud[:MOST]:
        title = f"adabench gate: {name(row)}"
        yield f"::{LEVELS[row.verdict]} title={_property(title)}::{_data(sentence(row))}"


def summary(rows: Sequence[GateVerdict], title: str, notes: Sequence[str]) -> str:
    """Return the step summary, in Markdown: what is not `same` in a table."""
    number = counts(rows)
    tally = ", ".join(f"{count} {word}" for word, count in number.items() if count)
    lines = [f"### adabench gate: {_cell(title)}", "", tally or "nothing was judged", ""]
    shown = sorted((row for row in rows if row.verdict != "same" and not is_disturbed(row)),
                   key=lambda row: WORDS.index(row.verdict))  # fmt: skip
    if shown:
        lines += [
            "| | configuration | metric | change | margin | evidence |",
            "|---|---|---|---|---|---|",
        ]
    lines += [
        f"| {MARKS[row.verdict]} {row.verdict} | `{_cell(name(row))}` | {_cell(row.metric)} "
        f"| {_cell(effect(row))} | {row.margin} | {_cell(row.note or str(row.units))} |"
        for row in shown
    ]
    return "\n".join([*lines, "", *(f"- {_cell(note)}" for note in notes)]) + "\n"


def write(path: Path, text: str, *, append: bool = False) -> None:
    """Write a file for the CI system.

    Raises:
        StoreError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if append else "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as problem:
        raise StoreError(f"{path} cannot be written: {problem.strerror}.") from problem


def in_actions() -> bool:
    """Say whether this is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
