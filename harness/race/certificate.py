"""What a race made certain: `certificate.json` in the run folder, read, written and put in words.

epsilon, confidence    as in `race.py`
ended                  "certified": the place of every point is known; "budget spent";
                       "unfinished": under way, interrupted, or nothing more could be run
evaluations, full_grid, share          cases that were solved, of those of the whole grid
budget_s, spent_s      of the last command; of all commands of this run
races                  one for each task, scale and set of conditions:
    points             label, place (on, off, undecided, dropped), because_of, reason, cases
    unresolved         pairs (open point, point that may still beat it)
    share_of_time      like share, in solving time, at the mean time of each point
    test, quality_unit, cases, oracles
not_started, unloaded  races that never began, for want of time or of a task
records                the journal it was made of: its bytes so far and their digest
sha256                 a digest of all this

A certificate is the records' in short. One that does not fit the journal beside it (it is another
run's, or the journal lost what it was made of) is left out with a warning, and a race that goes
on makes it anew.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adabench.harness.errors import StoreError
from adabench.harness.files import json_document, whole_file
from adabench.harness.files.json_document import NUMBER

log = logging.getLogger(__name__)

NAME = "certificate.json"
JOURNAL = "records.jsonl"
SHOWN = 6
"""Unresolved pairs that are printed; the certificate has them all."""
CHUNK = 1 << 20
POINT = {"label": str, "place": str, "because_of?": (None, str), "reason?": (None, str)}
RACE = {
    "race": str, "ended": str, "evaluations": int, "full_grid": int, "cost": str, "quality": str,
    "test": str, "points": [POINT], "unresolved": [[str]],
}  # fmt: skip
SHAPE = {
    "epsilon": NUMBER, "confidence": NUMBER, "ended": str, "evaluations": int, "full_grid": int,
    "share": NUMBER, "spent_s": NUMBER, "races": [RACE], "not_started": [str],
    "unloaded": {str: str}, "records?": {"bytes": int, "sha256": str},
}  # fmt: skip


def write(folder: Path, certificate: Mapping[str, Any]) -> None:
    """Write a certificate of the records so far, whole or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    size = (folder / JOURNAL).stat().st_size if (folder / JOURNAL).exists() else 0
    made_of = {"bytes": size, "sha256": _digest(folder, size)}
    text = json.dumps(json_document.sealed({**certificate, "records": made_of}), indent=1) + "\n"
    try:
        whole_file.write_whole(folder / NAME, text.encode())
    except OSError as problem:
        raise StoreError(
            f"{folder / NAME} cannot be written: {problem.strerror}. The records are intact.",
            f"Make room, then go on with: adabench run --resume {folder}",
        ) from problem


def read(folder: Path) -> dict[str, Any] | None:
    """Return a run's certificate, if it was raced and this is of its records.

    Raises:
        StoreError: if it is damaged.
    """
    path = folder / NAME
    again = f"Delete it; adabench run --resume {folder} makes it anew."
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise StoreError(f"{path} cannot be read: {problem.strerror}.", again) from problem
    found = json_document.parse(data, path, SHAPE, again)
    made_of = found.get("records")
    if made_of and made_of["sha256"] != _digest(folder, made_of["bytes"]):
        log.warning("%s is not of the records beside it and is left out.", path)
        return None
    return found


def _digest(folder: Path, size: int) -> str:
    """Return a digest of the first bytes of a journal; fewer, if there are not so many."""
    found = hashlib.sha256()
    try:
        with (folder / JOURNAL).open("rb") as file:
            while size > 0 and (data := file.read(min(size, CHUNK))):
                found.update(data)
                size -= len(data)
    except FileNotFoundError:
        pass
    return found.hexdigest()[:32]


def lack(asked: Mapping[str, Any]) -> list[str]:
    """Return the sentence that a report of a run shows that was raced and has no certificate."""
    if not asked.get("race_s"):
        return []
    sentence = (
        "This run was raced (--race), and no certificate of its records is there: its points "
        "stopped at different cases, so compare them on the cases they share, as claims do."
    )
    return [sentence]


def marks(certificate: Mapping[str, Any] | None) -> list[str]:
    """Return the sentence that every report of a raced run has to show."""
    if not certificate:
        return []
    return [
        (
            f"This run was raced (--race): {certificate['evaluations']:,} of "
            f"{certificate['full_grid']:,} evaluations, {certificate['ended']} at epsilon "
            f"{certificate['epsilon']:g} and confidence {certificate['confidence']:.0%}. Its points "
            "stopped as soon as they were decided, so their means are over different cases: compare "
            "them on the cases they share, as claims do, or run without --race."
        )
    ]


def page(certificate: Mapping[str, Any]) -> str:
    """Return the certificate for people."""
    lines: list[str] = []
    for race in certificate["races"]:
        lines += _race_lines(race)
    for name in certificate["not_started"]:
        lines.append(f"{name}: not started, the budget was spent before")
    for name, reason in certificate["unloaded"].items():
        lines.append(f"{name}: not loaded ({reason})")
    lines.append(
        f"Race: {certificate['ended']} after {certificate['spent_s']:.0f} s; "
        f"{certificate['evaluations']:,} of {certificate['full_grid']:,} evaluations "
        f"({certificate['share']:.0%}), epsilon {certificate['epsilon']:g}, "
        f"confidence {certificate['confidence']:.0%}."
    )
    return "\n".join(lines)


def _race_lines(race: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{race['race']}: {race['ended']}, {race['evaluations']:,} of {race['full_grid']:,} "
        f"evaluations ({race['cost']} x {race['quality']}, test: {race['test']})"
    )
    for place in ("on", "undecided", "off", "dropped"):
        own = [point for point in race["points"] if point["place"] == place]
        if own:
            names = [
                point["label"]
                + (f" (by {point['because_of']})" if point["because_of"] else "")
                + (f" ({point['reason']})" if point["reason"] else "")
                for point in own
            ]
            yield f"  {place:9} {', '.join(names)}"
    if race["unresolved"]:
        pairs = ", ".join(" / ".join(pair) for pair in race["unresolved"][:SHOWN])
        more = len(race["unresolved"]) - SHOWN
        yield f"  unresolved pairs: {pairs}" + (f" and {more} more" if more > 0 else "")
