"""A world of records, as a shop or an airline keeps them: JSON in SQLite, which tools look up and change.

    records     number, kind (`orders`), key (`#W1`), body (JSON), changed
    Lookup      find a record by what is known of it; it has to be held by the record that came before
    Change      write into the record that came before

A tool gets the number of the record that the stage before produced, and returns the one that it found or changed, so who is handed
a wrong number changes a wrong record. One connection a process holds all records of a domain, read from a folder; each
case works in a transaction that is rolled back at its end.
"""

import gzip
import json
import sqlite3
import tomllib
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

Key = tuple[str, str]
"""A record's kind, and its key among those."""
Records = Mapping[Key, Mapping[str, Any]]
"""Bodies by key; the numbers of records follow this order, from 1 on."""
TITLE = "records"
"""Stands for a stage in the rows of records that were changed."""


@dataclass(frozen=True)
class Lookup:
    """What a tool is asked for."""

    kind: str
    known: Mapping[str, str] = field(default_factory=dict)
    """By path in the body: what it has to be. `key` is the record's own key."""
    held_by: str = ""
    """The path of the list, in the holder, that has to hold the key; empty: nobody has to."""
    owner: Key | None = None
    """The holder's kind, and where in the record before its key stands; None: the record before is the holder."""
    passes: bool = False
    """Whether it is a look on the way, behind which the case goes on with the record before."""


@dataclass(frozen=True)
class Change:
    """What a tool writes."""

    values: Mapping[str, Any]
    """By path in the body: what stands there afterwards."""


@dataclass(frozen=True)
class Errand:
    """What the tools of one case are asked for."""

    folder: str
    """Of the domain, with its `db.json`, `db.json.gz` or `db.toml`."""
    tools: Mapping[str, Lookup | Change]
    """By node of the graph."""
    about: Mapping[str, Key]
    """By node: the record whose number it should return."""
    names: Mapping[str, str]
    """By node: the tool that is called. One that changes two records has two nodes, and is down at both."""
    set_up: Records = field(default_factory=dict)
    """Records that are other ones, or more, than in the folder before anything is called."""

    def records(self) -> Records:
        """Return all records as they are before anything is called; those that were added stand last."""
        return {**read_records(self.folder), **self.set_up}

    def tools_down(self, tools: Collection[str]) -> tuple[str, ...]:
        """Return the nodes at which these tools are called."""
        return tuple(node for node, tool in self.names.items() if tool in tools)


class RecordWorld:
    """The records of a domain, while one case is worked on."""

    def __init__(self, errand: Errand) -> None:
        self._errand, self._base = errand, _opened(errand.folder)
        if self._base.in_transaction:
            self._base.execute("ROLLBACK")
        self._base.execute("BEGIN")
        for (kind, key), body in errand.set_up.items():
            self._base.execute(
                "INSERT INTO records (kind, key, body, changed) VALUES (?, ?, ?, 0) "
                "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                (kind, key, json.dumps(body)),
            )

    def work(self, tool: str, number: int | None) -> int | None:
        """Return the number of the record that a tool found or changed; None if there is none."""
        asked = self._errand.tools[tool]
        if isinstance(asked, Change):
            return self._change(asked, number)
        found = self._find(asked, number)
        return number if asked.passes and found is not None else found

    def close(self) -> tuple[tuple[str, str, int], ...]:
        """Return which records were changed, with a digest of each body; everything is as before then."""
        query = "SELECT kind, key, body FROM records WHERE changed ORDER BY number"
        rows = tuple((TITLE, name_of((kind, key)), digest(json.loads(body)))
                     for kind, key, body in self._base.execute(query))  # fmt: skip
        self._base.execute("ROLLBACK")
        return rows

    def _find(self, asked: Lookup, before: int | None) -> int | None:
        query, given = "SELECT number FROM records WHERE kind = ?", [asked.kind]
        for path, value in asked.known.items():
            query += " AND key = ?" if path == "key" else " AND json_extract(body, ?) = ?"
            given += [value] if path == "key" else [f"$.{path}", value]
        found = self._base.execute(f"{query} ORDER BY number LIMIT 1", given).fetchone()
        if found is None or (asked.held_by and not self._holds(before, asked, found[0])):
            return None
        return int(found[0])

    def _holds(self, before: int | None, asked: Lookup, number: int) -> bool:
        holder = "SELECT body FROM records WHERE number = ?"
        given: list[object] = [before]
        if asked.owner is not None:
            kind, path = asked.owner
            holder = f"SELECT body FROM records WHERE kind = ? AND key = (SELECT json_extract(body, ?) FROM ({holder}))"
            given = [kind, f"$.{path}", before]
        query = (
            f"SELECT 1 FROM json_each(({holder}), ?) AS held "
            "WHERE held.value = (SELECT key FROM records WHERE number = ?)"
        )
        found = self._base.execute(query, (*given, f"$.{asked.held_by}", number)).fetchone()
        return found is not None

    def _change(self, asked: Change, number: int | None) -> int | None:
        done = 0
        for path, value in asked.values.items():
            query = (
                "UPDATE records SET body = json_set(body, ?, json(?)), changed = 1 WHERE number = ?"
            )
            done = self._base.execute(query, (f"$.{path}", json.dumps(value), number)).rowcount
        return number if done else None


def name_of(key: Key) -> str:
    """Return a record's name in rows."""
    return "/".join(key)


def digest(body: Any) -> int:
    """Return a digest of a record's body that no order of its fields changes."""
    return zlib.crc32(json.dumps(body, sort_keys=True).encode())


@lru_cache(maxsize=4)
def read_records(folder: str) -> Records:
    """Return the records of a domain; a list of them is told apart by the field that is called after its kind.

    Raises:
        OSError: if there is no such file.
        ValueError: if it cannot be read.
    """
    path, packed, lists = (Path(folder) / name for name in ("db.json", "db.json.gz", "db.toml"))
    if lists.exists():
        kinds = tomllib.loads(lists.read_text(encoding="utf-8"))
        return {
            (kind, str(body[f"{kind[:-1]}_id"])): body
            for kind, rows in kinds.items()
            for body in rows
        }
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    tables = json.loads(raw)
    return {(kind, key): body for kind, rows in tables.items() for key, body in rows.items()}


@lru_cache(maxsize=4)
def _opened(folder: str) -> sqlite3.Connection:
    base = sqlite3.connect(":memory:", isolation_level=None)
    base.execute(
        "CREATE TABLE records (number INTEGER PRIMARY KEY, kind TEXT, key TEXT, body TEXT, changed INTEGER)"
    )
    base.execute("CREATE UNIQUE INDEX by_key ON records (kind, key)")
    base.execute("BEGIN")
    rows = (
        (number, *key, json.dumps(body))
        for number, (key, body) in enumerate(read_records(folder).items(), 1)
    )
    base.executemany("INSERT INTO records VALUES (?, ?, ?, ?, 0)", rows)
    base.execute("COMMIT")
    return base
