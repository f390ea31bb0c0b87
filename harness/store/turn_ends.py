"""What a journal says of each turn, and whether that is all of it: the end lines.

    {"k":"60303ae22b998861","end":16,"d":"6f1e8a0c9b3d2e47","p":["1a2b3c4d"],"x":"..."}

A turn's end line holds how many records of solving it has (`end`), a digest over their checksums in
order (`d`), and the checksums of the preparations that were recorded since the last end line (`p`;
left out where there is none). A turn is finished if its last end line agrees with what the file
holds, no record came after it, and the last word on every case is ok or skipped.

A line that its turn holds already, word for word, counts once.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from adabench.harness.contract.record import Turn, Unit

Name = tuple[str, int]
"""A turn: its cell's key and its repeat."""
STATUSES = {"ok": 0, "skipped": 1, "error": 2, "timeout": 3}


@dataclass(slots=True)
class TurnAccount:
    """The records of one turn: case + 1, status and checksum of each, packed into 64 bits."""

    held: "dict[int, None] | array[int]" = field(default_factory=dict)
    """In their order; an array, which takes less, once the turn has ended."""
    ended: bool = False
    mismatch: tuple[int, int, int] | None = None
    """The last end line where it does not agree: its number, how many records it names, how many
    there are."""

    def take(self, packed: int) -> bool:
        """Take in a record; say no if the turn holds it already."""
        held = self.held
        if packed in held:
            return False
        if type(held) is not dict:
            held = self.held = dict.fromkeys(held)
        held[packed] = None
        self.ended = False
        return True

    def drop(self, packed: int) -> None:
        """Let go of a record that was taken in."""
        held = dict.fromkeys(self.held)
        held.pop(packed)
        self.held = held

    def digest(self) -> str:
        """Return a digest over the checksums, in their order."""
        packed = array("Q", self.held)
        if sys.byteorder == "big":
            packed.byteswap()
        return blake2b(packed.tobytes(), digest_size=8).hexdigest()

    def end(self) -> None:
        """Take in an end line that agrees."""
        self.ended, self.mismatch = True, None
        self.held = array("Q", self.held)

    @property
    def done(self) -> Iterable[int]:
        """The cases that are ok."""
        return {(item >> 34) - 1 for item in self.held if not item >> 32 & 3}

    @property
    def finished(self) -> bool:
        """Say whether it ended and the last word on each case is ok or skipped."""
        failed = {(item >> 34) - 1 for item in self.held if item >> 32 & 3 > 1}
        if not self.ended or not failed:
            return self.ended
        done = set(self.done)
        return not failed - done - ({-1} if done else set())  # -1: it could not begin, then did


@dataclass
class TurnEnds:
    """The accounts of all turns of a journal, and the preparations that belong to none."""

    accounts: dict[Name, TurnAccount] = field(default_factory=dict)
    prepared: dict[int, tuple[Unit, bool]] = field(default_factory=dict)
    """By checksum; with each whether it is ok."""
    open_preparations: list[str] = field(default_factory=list)
    """Those that no end line names so far."""
    named: dict[int, Name] = field(default_factory=dict)
    """The turns whose end lines name them, by checksum."""

    def account(self, name: Name) -> TurnAccount:
        """Return the account of a turn."""
        found = self.accounts.get(name)
        if found is None:
            found = self.accounts[name] = TurnAccount()
        return found

    def take(self, line: dict[str, Any], checksum: int) -> bool:
        """Take in a line that holds a record; say no if it is there already, word for word.

        Raises:
            KeyError, TypeError, ValueError: if it is no record.
        """
        if "p" not in line:
            account = self.account((line["k"], line.get("r", 0)))
            taken = [account.take(packed) for packed in _all_packed(line, checksum)]
            return any(taken)
        if checksum in self.prepared:
            return False
        unit = Unit(line["k"], line["p"], line["c"], line.get("r", 0))
        self.prepared[checksum] = unit, "s" not in line
        self.open_preparations.append(f"{checksum:08x}")
        return True

    def drop(self, line: dict[str, Any], checksum: int) -> None:
        """Let go of a record that was taken in and cannot be read; its turn has to run again."""
        if "p" in line:
            del self.prepared[checksum]
            names = [self.named[checksum]] if checksum in self.named else []
        else:
            names = [(line["k"], line.get("r", 0))]
            for packed in _all_packed(line, checksum):
                self.account(names[0]).drop(packed)
        for name in names:
            self.account(name).ended = False

    def holds(self, line: dict[str, Any], checksum: int) -> bool:
        """Say whether a record is there already, word for word."""
        if "p" in line:
            return checksum in self.prepared
        account = self.accounts.get((line["k"], line.get("r", 0)))
        return account is not None and all(
            packed in account.held for packed in _all_packed(line, checksum)
        )

    def line(self, name: Name) -> dict[str, Any]:
        """Return the end line of a turn."""
        account = self.account(name)
        return (
            {"k": name[0]}
            | ({"r": name[1]} if name[1] else {})
            | {"end": len(account.held), "d": account.digest()}
            | ({"p": self.open_preparations.copy()} if self.open_preparations else {})
        )

    def end(self, number: int, line: dict[str, Any]) -> bool:
        """Take in an end line; say no if it is there already.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        name = line["k"], line.get("r", 0)
        account, count = self.account(name), line["end"]
        if type(count) is not int:
            raise TypeError("The number of records is no whole number.")
        if account.ended:
            return False
        self.open_preparations.clear()
        named = [int(checksum, 16) for checksum in line.get("p", ())]
        self.named |= dict.fromkeys(named, name)
        lost = sum(checksum not in self.prepared for checksum in named)
        here = len(account.held)
        if count == here and line["d"] == account.digest() and not lost:
            account.end()
        else:
            account.mismatch = number, count + len(named), here + len(named) - lost
        return True

    def finished(self, turn: Turn) -> bool:
        """Say whether a turn need not be run again."""
        account = self.accounts.get((turn.cell.key, turn.repeat))
        return account is not None and account.finished

    def done(self, keys: Iterable[str]) -> set[Unit]:
        """Return the units that are ok, of some cells, and all preparations."""
        found = {unit for unit, ok in self.prepared.values() if ok}
        wanted = set(keys)
        for (key, repeat), account in self.accounts.items():
            if key in wanted:
                found |= {Unit(key, "solve", case, repeat) for case in account.done}
        return found

    def mismatches(self) -> Iterator[tuple[Name, int, int, int]]:
        """Yield each turn whose last end line names records that are not there."""
        for name, account in self.accounts.items():
            if account.mismatch:
                yield name, *account.mismatch


def _all_packed(line: Mapping[str, Any], checksum: int) -> Iterator[int]:
    """Yield what an account holds of a line: of one record, or of as many as its columns hold.

    Raises:
        KeyError, TypeError, ValueError: if it is none.
    """
    if "to" not in line:
        yield _packed(line, checksum)
        return
    for case in range(line["c"], line["to"] + 1):
        yield _packed({"c": case}, checksum)


def _packed(line: Mapping[str, Any], checksum: int) -> int:
    """Return what an account holds of a record.

    Raises:
        KeyError, TypeError, ValueError: if it is none.
    """
    packed: int = (line["c"] + 1) << 34 | checksum
    if "s" in line:
        packed |= STATUSES[line["s"]] << 32
    if not 0 <= packed < 2**64:
        raise ValueError("No task has a case of this number.")
    return packed
