"""Glue of `run --executor` and of `merge`."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adabench.cli import session
from adabench.harness.contract.record import Record, Turn
from adabench.harness.distributed import fan_out
from adabench.harness.distributed.backends import PLACES, Spread
from adabench.harness.distributed.merge import Merged, merge
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.run.isolated import Limits
from adabench.harness.store import run_folder


def spread(kind: str, workers: int | None, cores: int | None, slurm: Sequence[str] = ()) -> Spread:
    """Read the options of `run --executor`.

    Raises:
        SelectionError: for an executor that is not one, or parameters of another one.
    """
    if kind not in PLACES:
        raise SelectionError(f"There is no executor {kind!r}.", nearest(kind, PLACES))
    if slurm and kind != "slurm":
        raise SelectionError("--slurm gives parameters of --executor slurm alone.")
    parameters = {}
    for item in slurm:
        name, equals, value = item.partition("=")
        if not name or not equals:
            raise SelectionError(f"--slurm {item!r} is not key=value.", "--slurm partition=gpu")
        parameters[name] = value
    return Spread(kind, workers, cores, parameters)


def executor(
    journal: run_folder.Run, limits: Limits, wanted: Spread, *, energy: bool, cached: bool
) -> session.Execute:
    """Choose how turns are executed: in this process, or by workers that fan out.

    A run that was fanned out before goes on so, for its shards may hold more than it does.
    """
    alone = wanted == Spread() and not fan_out.has_shards(journal.folder)
    if alone:
        return session.executor(journal, limits, energy=energy, cached=cached)
    probes = session.opened_probes(journal)
    how = session.settings(journal, probes, energy=energy, cached=cached)

    def execute(turns: Sequence[Turn]) -> Iterator[Record]:
        del turns  # the journal knows what is left
        return fan_out.fan_out(journal, wanted, how, limits)

    return execute


def merged(runs: Sequence[Path], out: Path, as_json: bool) -> str:
    """Merge runs and say what came of it."""
    found = merge(runs, out)
    return json.dumps(document(found)) if as_json else page(found)


def document(found: Merged) -> dict[str, Any]:
    """Return what `merge --json` prints."""
    return {
        "run": str(found.folder),
        "records": found.records,
        "added": found.added,
        "collapsed": found.collapsed,
        "differing": found.differing,
        "unfinished": found.unfinished,
    }


def page(found: Merged) -> str:
    """Return what `merge` prints."""
    lines = [
        f"Records: {found.folder}",
        f"{found.records} records, {found.added} new, {found.collapsed} there more than once.",
    ]
    if found.differing:
        lines.append(f"{found.differing} of these differ in quality or counts; see -v.")
    if found.unfinished:
        lines.append(
            f"{found.unfinished} turns are not finished; go on with: "
            f"adabench run --resume {found.folder}"
        )
    return "\n".join(lines)
