"""Whether two runs counted the same: values that differ, or records that one of them lacks; exit 1 if there are any.

    adabench run 'paging/*' --counts --seeds 7001,7002 --no-cache --no-report --out runs/old      at the old code
    adabench run 'paging/*' --counts --seeds 7001,7002 --no-cache --no-report --out runs/new      at the new
    python benchmarks/equal_counts.py runs/old runs/new

For a change that should change nothing. Seconds, joules and resident memory, and what a task's card says that a clock decides,
differ from run to run and are left out; all other values must be equal to the last bit.
"""

import argparse
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from adabench.harness.analysis.invalid_timings import CLOCKED
from adabench.harness.contract import registry
from adabench.harness.contract.record import Record, Unit
from adabench.harness.run.trial_rules import INSTRUMENTS
from adabench.harness.store.run_folder import records

SHOWN = 20


def differences(
    old: Mapping[Unit, Record], new: Mapping[Unit, Record]
) -> Iterator[tuple[Unit, str]]:
    """Yield where two runs differ, and how."""
    for unit in sorted(old.keys() | new.keys()):
        if unit not in old or unit not in new:
            yield unit, f"only the {'new' if unit in new else 'old'} run has it"
        elif old[unit].status != new[unit].status:
            yield unit, f"{old[unit].status} before, {new[unit].status} now"
        elif old[unit].status == "ok":
            for name in sorted(old[unit].values.keys() | new[unit].values.keys()):
                before, now = old[unit].values.get(name), new[unit].values.get(name)
                if is_counted(new[unit].cell.task, name) and before != now:
                    yield unit, f"{name}: {before} before, {now} now"


@cache
def is_counted(task: str, name: str) -> bool:
    """Tell a count, or a score, from what a clock or another instrument decides."""
    clocked = {metric.name for metric in registry.find(task).card.metrics if metric.clocked}
    measured = name.endswith(CLOCKED) or name.startswith("rss_") or name in INSTRUMENTS - {"flops"}
    return not measured and name not in clocked


def main() -> int:
    """Compare two run folders."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    options = parser.parse_args()
    old, new = ({one.unit: one for one in records(folder)} for folder in (options.old, options.new))
    found = list(differences(old, new))
    for unit, how in found[:SHOWN]:
        cell = (new.get(unit) or old[unit]).cell
        print(f"{cell.address} seed {cell.seed} {unit.phase} case {unit.case}: {how}")
    values = sum(is_counted(one.cell.task, name) for one in new.values() for name in one.values)
    print(f"{len(new)} records, {values} values: {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
