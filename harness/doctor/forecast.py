"""How long a selection would take, from what earlier runs recorded.

    time = time of the cases + loads * time of one load + preparations not yet on disk

The cases of a turn take the mean that the same method took for a turn at the same settings in
the runs found; failing that, its mean over other settings at the same scale, scaled to the number of
cases that there will be; failing that the time is unknown, and the forecast says of which methods
it knows nothing instead of guessing. A case costs its latency times what `execute` does with it:
one solve, the timed block, one more with the FLOP counter.

A task is loaded once for each seed and set of conditions. What that takes is not in the
records, nor are scoring and instruments. All of it is counted as loading: the time from a
run's start to its last record, less its cases and preparations, over its loads. The least over
the runs found is taken, since interruptions only lengthen it. A preparation that came from disk
is recorded at its full price; a run that was shorter than its price says so, and there only the
cases are taken off. Runs of other machines are left out.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import StoreError
from adabench.harness.provenance import environment
from adabench.harness.store.prepared_states import file_name as state_file
from adabench.harness.store.prepared_states import key as cache_key
from adabench.harness.store.run_folder import open_reader

Basis = Literal["recorded", "other settings", "tried", "unknown"]

NEWEST = 12
MOST_BYTES = 20_000_000
"""Of records are read, newest runs first: about half a second."""


@dataclass(frozen=True)
class Share:
    """What one method adds."""

    address: str
    turns: int
    cases: int | None
    """Per turn; None where it was never seen."""
    seconds: float | None
    """None where nothing is known of some of its turns."""
    basis: Basis
    prepare_s: float = 0.0


@dataclass(frozen=True)
class Forecast:
    """How long a selection would take."""

    cells: int
    turns: int
    cases: int
    """Of the turns that something is known of."""
    seconds: float | None
    """Of the known turns, overhead and preparations included; None if nothing is known."""
    unknown: tuple[str, ...]
    """Methods that the seconds do not cover."""
    loads: int
    """How often a task is loaded."""
    load_s: float | None
    """Of one load, with all that lies around the cases; None without a recorded run."""
    runs: int
    """Recorded runs it is based on."""
    shares: tuple[Share, ...]


@dataclass
class History:
    """What earlier runs took, in seconds."""

    runs: int = 0
    load_s: float | None = None
    turns: dict[str, dict[tuple[int, int], float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """By settings, then by seed and repeat: the time of a turn's cases."""
    cases: dict[str, int] = field(default_factory=dict)
    by_method: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    prepares: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    tried: set[tuple[str, str]] = field(default_factory=set)

    def add(self, records: Iterable[Record], run: str = "") -> None:
        """Take in the records of one run."""
        for record in records:
            method = record.cell.address, record.cell.scale
            if record.status != "ok" or "latency_s" not in record.values:
                continue
            if record.phase == "prepare":
                self.prepares[method].append(record.values["latency_s"])
                continue
            name, turn = _settings(record.cell), (hash((run, record.cell.seed)), record.repeat)
            spent = _spent(record.values)
            if name not in self.turns:
                self.by_method[method].append(name)
            self.turns[name][turn] = self.turns[name].get(turn, 0.0) + spent
            self.cases[name] = max(self.cases.get(name, 0), record.case + 1)

    def turn(self, cell: Cell) -> tuple[float, int, Basis] | None:
        """Return seconds and cases of a turn of this cell, and what they are based on."""
        method, name = (cell.address, cell.scale), _settings(cell)
        exact = name in self.turns
        names = [name] if exact else self.by_method.get(method, [])
        if not names:
            return None
        more = {name: _growth(name, cell, self.cases[name]) for name in names}
        times = [time * more[name] for name in names for time in self.turns[name].values()]
        basis: Basis = (
            "tried" if method in self.tried else "recorded" if exact else "other settings"
        )
        cases = round(sum(self.cases[name] * more[name] for name in names) / len(names))
        return sum(times) / len(times), cases, basis


def read_history(folder: Path) -> History:
    """Read the newest runs under a folder that this machine made; damaged ones are left out."""
    found, left, here = History(), MOST_BYTES, environment.fingerprint()
    runs = sorted(folder.glob("*/records.jsonl"), key=lambda path: -path.stat().st_mtime)
    for path in runs[:NEWEST]:
        left -= path.stat().st_size
        if left < 0:
            break
        try:
            manifest = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))
            if environment.differences(manifest["environment"], here):
                continue
            started = datetime.fromisoformat(manifest["started"]).timestamp()
        except (OSError, ValueError, KeyError, TypeError):
            continue
        records = list(_records(path))
        found.add(records, str(path))
        found.runs += 1
        load_s = _load_s(records, path.stat().st_mtime - started)
        if load_s is not None:
            found.load_s = load_s if found.load_s is None else min(load_s, found.load_s)
    return found


def _load_s(records: Sequence[Record], whole_s: float) -> float | None:
    """Return what one load of a run took, with all that lies around its cases."""
    timed = [record for record in records if "latency_s" in record.values]
    cases = sum(_spent(record.values) for record in timed if record.phase == "solve")
    prepared = sum(record.values["latency_s"] for record in timed if record.phase == "prepare")
    outside = whole_s - cases - prepared
    if outside < 0:  # some of them came from disk
        outside = whole_s - cases
    return outside / len(_loads(records)) if timed and outside >= 0 else None


def _loads(placed: Iterable[Record | Turn]) -> set[str]:
    """Return a name for every task that is loaded: one for each seed and set of conditions."""
    return {
        repr((one.cell.task, one.cell.scale, one.cell.seed, sorted(one.cell.conditions.items())))
        for one in placed
    }


def forecast(turns: Sequence[Turn], history: History, cache_folder: Path | None) -> Forecast:
    """Add up what the turns would take."""
    by_method: dict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        by_method[turn.cell.address].append(turn)
    shares = tuple(_share(own, history, cache_folder) for own in by_method.values())
    known = [share for share in shares if share.seconds is not None]
    loads = len(_loads(turns))
    seconds = sum((share.seconds or 0.0) + share.prepare_s for share in known)
    return Forecast(
        cells=len({turn.cell.key for turn in turns}),
        turns=len(turns),
        cases=sum(share.turns * (share.cases or 0) for share in known),
        seconds=seconds + loads * (history.load_s or 0.0) if known else None,
        unknown=tuple(share.address for share in shares if share.seconds is None),
        loads=loads,
        load_s=history.load_s,
        runs=history.runs,
        shares=shares,
    )


def first_turns(turns: Sequence[Turn], history: History) -> list[Turn]:
    """Return the first turn of every method of which nothing is known."""
    chosen: dict[str, Turn] = {}
    for turn in turns:
        if history.turn(turn.cell) is None:
            chosen.setdefault(turn.cell.address, turn)
    return list(chosen.values())


def try_out(turns: Sequence[Turn], history: History, seconds: float) -> None:
    """Run turns in a child process, for about so long, and learn from those that finish.

    A turn that does not finish teaches nothing: how many cases it has is not known.
    """
    from adabench.harness.run.execute import execute
    from adabench.harness.run.settings import Limits

    deadline = monotonic() + seconds
    for turn in turns:
        left = deadline - monotonic()
        if left <= 0:
            return
        records = []
        for record in execute([turn], limits=Limits(left)):
            records.append(record)
            if monotonic() > deadline:
                return
        if all(record.status == "ok" for record in records):
            history.add(records)
            history.tried.add((turn.cell.address, turn.cell.scale))


def _share(turns: Sequence[Turn], history: History, cache_folder: Path | None) -> Share:
    address = turns[0].cell.address
    found = [history.turn(turn.cell) for turn in turns]
    known = [item for item in found if item is not None]
    if len(known) < len(found) or not known:
        return Share(address, len(turns), None, None, "unknown")
    bases = {basis for _, _, basis in known}
    order: tuple[Basis, ...] = ("tried", "other settings", "recorded")  # the weakest first
    basis = next(word for word in order if word in bases)
    return Share(
        address,
        len(turns),
        round(sum(cases for _, cases, _ in known) / len(known)),
        sum(seconds for seconds, _, _ in known),
        basis,
        _prepare_s(turns, history, cache_folder),
    )


def _prepare_s(turns: Sequence[Turn], history: History, cache_folder: Path | None) -> float:
    """Return what preparing takes for the states that are not on disk yet."""
    cell = turns[0].cell
    costs = history.prepares.get((cell.address, cell.scale), [])
    if not costs:
        return 0.0
    entries = registry.find(cell.task), registry.find(cell.address)
    late = {knob.name: knob.default for knob in entries[1].card.knobs if knob.at == "solve"}
    names = {
        cache_key(replace(turn.cell, point={**turn.cell.point, **late}), *entries) for turn in turns
    }
    missing = [n for n in names if not (cache_folder and (cache_folder / state_file(n)).exists())]
    return len(missing) * sum(costs) / len(costs)


def _records(path: Path) -> Iterator[Record]:
    """Read the records of a run, up to a line that is none."""
    with contextlib.suppress(StoreError):
        reader, _ = open_reader(path.parent)
        yield from reader.records()


def _settings(cell: Cell) -> str:
    data: dict[str, Any] = cell.to_json() | {"seed": None}
    return json.dumps(data, sort_keys=True)


def _growth(name: str, cell: Cell, cases: int) -> float:
    """Return the cases of a cell over those of the recorded settings `name`.

    No card says which condition sets their number. One that was equal to it is taken for that condition
    (`problems=4`, four cases), if no other one that was equal to it has changed.
    """
    before: dict[str, Any] = json.loads(name)["conditions"]
    now = [cell.conditions.get(knob) for knob, value in before.items() if value == cases]
    changed = [value for value in now if type(value) is int and value > 0 and value != cases]
    return changed[0] / cases if len(changed) == 1 else 1.0


def _spent(values: Mapping[str, float]) -> float:
    """Return what a case took in all its passes."""
    loops = values.get("loops", 1.0)
    passes = 1 + (loops if loops > 1 else 0) + ("flops" in values)
    return values["latency_s"] * passes
