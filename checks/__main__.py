"""`python -m checks`: reads the product once, runs every check, says what to do; exit 1 if anything.

`--count` shows how many offences of each rule there are in each top folder, allowed or not; `--lower` writes
totals that have fallen into checks/totals.toml.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from checks import (
    allowed,
    costs,
    fairness,
    names,
    reachability,
    sizes,
    substrate_users,
    totals,
    unused,
)  # fmt: skip
from checks.offence import Offence
from checks.tree import Tree, read_tree

CHECKS: tuple[Callable[[Tree], Iterator[Offence]], ...] = (
    reachability.offences, sizes.offences, fairness.offences, names.offences, unused.offences,
    costs.offences, totals.offences, substrate_users.offences,
)  # fmt: skip


def find_offences(tree: Tree) -> list[Offence]:
    """Run every check."""
    return sorted({offence for check in CHECKS for offence in check(tree)})


def complain(tree: Tree) -> list[str]:
    """Return a sentence for everything that has to change in a checkout; empty if all is well."""
    return list(allowed.complaints(find_offences(tree), allowed.read_entries(tree.root)))


def count(root: Path) -> list[str]:
    """Return a line for each rule and top folder that has offences."""
    found = Counter((x.check, x.where.split("/")[0]) for x in find_offences(read_tree(root)))
    return [f"{number:5} {check} in {folder}" for (check, folder), number in sorted(found.items())]


def main() -> int:
    """Print sentences, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m checks", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--count", action="store_true", help="count offences, allowed or not")
    parser.add_argument("--lower", action="store_true", help="write totals that have fallen")
    options = parser.parse_args()
    if options.count:
        print(*count(options.root), sep="\n")
        return 0
    tree = read_tree(options.root)
    if options.lower:
        (options.root / totals.FILE).write_text(totals.lower(tree), encoding="utf-8")
        return 0
    print(*totals.table(tree), sep="\n")
    sentences = complain(tree)
    print(*sentences, sep="\n", end="\n" if sentences else "")
    print(f"checks: {len(sentences)} to mend" if sentences else "checks: all hold")
    return 1 if sentences else 0


if __name__ == "__main__":
    raise SystemExit(main())
