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
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAME = "certificate.json"
SHOWN = 6
"""Unresolved pairs that are printed; the certificate has them all."""


def write(folder: Path, certificate: Mapping[str, Any]) -> None:
    """Write through a temporary name: the certificate is there whole or not at all."""
    temporary = folder / f"{NAME}.new"
    temporary.write_text(json.dumps(certificate, indent=1) + "\n", encoding="utf-8")
    temporary.replace(folder / NAME)


def read(folder: Path) -> dict[str, Any] | None:
    """Return a run's certificate, if it was raced."""
    try:
        found: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def marks(certificate: Mapping[str, Any] | None) -> list[str]:
    """Return the sentence that every report of a raced run has to show."""
    if not certificate:
        return []
    return [
        (
            f"This run was raced (--budget): {certificate['evaluations']:,} of "
            f"{certificate['full_grid']:,} evaluations, {certificate['ended']} at epsilon "
            f"{certificate['epsilon']:g} and confidence {certificate['confidence']:.0%}. Its points "
            "stopped as soon as they were decided, so their means are over different cases: compare "
            "them on the cases they share, as claims do, or run without --budget."
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
