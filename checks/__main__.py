"""`python -m checks`: reads the product once, runs every check, says what to do; exit 1 if anything.

`--count` shows how many offences of each rule there are in each top folder, allowed or not.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from checks import allowed, costs, fairness, names, reachability, sizes, unused
from checks.offence import Offence
from checks.tree import Tree, read_tree

CHECKS: tuple[Callable[[Tree], Iterator[Offence]], ...] = (
    reachability.offences, sizes.offences, fairness.offences, names.offences, unused.offences,
    costs.offences,
)  # fmt: skip


def find_offences(tree: Tree) -> list[Offence]:
    """Run every check."""
    return sorted({offence for check in CHECKS for offence in check(tree)})


def complain(root: Path) -> list[str]:
    """Return a sentence for everything that has to change in a checkout; empty if all is well."""
    return list(allowed.complaints(find_offences(read_tree(root)), allowed.read_entries(root)))


def count(root: Path) -> list[str]:
    """Return a line for each rule and top folder that has offences."""
    found = Counter((x.check, x.where.split("/")[0]) for x in find_offences(read_tree(root)))
    return [f"{number:5} {check} in {folder}" for (check, folder), number in sorted(found.items())]


def main() -> int:
    """Print sentences, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m checks", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--count", action="store_true", help="count offences, allowed or not")
    options = parser.parse_args()
    if options.count:
        print(*count(options.root), sep="\n")
        return 0
    sentences = complain(options.root)
    print(*sentences, sep="\n", end="\n" if sentences else "")
    print(f"checks: {len(sentences)} to mend" if sentences else "checks: all hold")
    return 1 if sentences else 0


if __name__ == "__main__":
    raise SystemExit(main())
