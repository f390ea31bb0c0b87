"""The allow-list: what stands although it breaks a rule, each with the issue that will clear it.

It only shrinks. An entry that allows more than is there fails the check like an offence that is not
allowed, and there is room for so many entries and no more. What is measured scatters: such an entry
says by how much.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from checks.offence import Offence

FILE = "checks/allowed.toml"
ENTRIES = 15


@dataclass(frozen=True)
class Entry:
    """So many offences of one rule, in the places that a pattern matches."""

    check: str
    where: str
    issue: int
    count: int = 1
    size: int = 0
    """The largest of them, for rules that set a budget."""
    scatter: float = 0.0
    """A share by which the size of a measured quantity may differ from run to run; one offence fewer,
    which lies at its budget, is no change either."""

    def is_exceeded(self, count: int, size: int) -> bool:
        """Tell whether there is more than it allows."""
        return count > self.count or size > self.size * (1 + self.scatter)

    def is_slack(self, count: int, size: int) -> bool:
        """Tell whether it allows more than is there."""
        least = self.count - 1 if self.scatter else self.count
        return count < least or size < self.size * (1 - self.scatter)

    def covers(self, offence: Offence) -> bool:
        """Tell whether this offence is one of those meant."""
        return self.check == offence.check and fnmatchcase(offence.where, self.where)


def read_entries(root: Path) -> tuple[Entry, ...]:
    """Read the allow-list of a checkout; without a file nothing is allowed.

    Raises:
        ValueError: if an entry is not complete; the sentence says which.
    """
    path = root / FILE
    if not path.exists():
        return ()
    rows = tomllib.loads(path.read_text(encoding="utf-8")).get("allowed", [])
    return tuple(map(_entry, rows))


def _entry(row: dict[str, object]) -> Entry:
    try:
        return Entry(**row)  # type: ignore[arg-type]
    except TypeError as broken:
        raise ValueError(
            f"{FILE}: {row} is no entry: {broken}. It needs check, where and issue, and may have "
            "count, size and scatter."
        ) from broken


def complaints(offences: Iterable[Offence], entries: tuple[Entry, ...]) -> Iterator[str]:
    """Yield what has to change: offences that nothing allows, and entries that allow too much."""
    left = sorted(offences)
    for entry in entries:
        meant = [offence for offence in left if entry.covers(offence)]
        size = max((offence.size for offence in meant), default=0)
        left = [offence for offence in left if not entry.covers(offence)]
        if entry.is_exceeded(len(meant), size):
            yield from (offence.says for offence in meant)
            yield (
                f"{FILE} allows {_amount(entry.count, entry.size)} of {entry.check} in "
                f"{entry.where}, and there are {_amount(len(meant), size)}. Mend the new ones; "
                "the list only shrinks."
            )
        elif not meant:
            yield f"{FILE}: {entry.check} in {entry.where} is clean. Delete the entry."
        elif entry.is_slack(len(meant), size):
            yield (
                f"{FILE} allows {_amount(entry.count, entry.size)} of {entry.check} in "
                f"{entry.where}, and only {_amount(len(meant), size)} are left. Write that."
            )
    yield from (offence.says for offence in left)
    if len(entries) > ENTRIES:
        yield f"{FILE} has {len(entries)} entries, and {ENTRIES} are allowed. Mend some."


def _amount(count: int, size: int) -> str:
    return f"count = {count}, size = {size}" if size else f"count = {count}"
