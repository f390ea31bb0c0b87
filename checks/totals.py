"""What papers, tasks and families take in all, tests counted: totals only fall.

`checks/totals.toml` holds what each of them takes. One that is not there is new, and has a budget: a paper
8 files and 1,200 lines with its tests, a task 1,500 lines of product and 500 of tests. What new papers and new
tasks take is not counted against their family or their task. `python -m checks --lower` writes what has fallen.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from checks.offence import Offence
from checks.ownership import Owners, read_tests
from checks.tree import Source, Tree

FILE = "checks/totals.toml"
PAPER_FILES, PAPER_LINES = 8, 1200
TASK_LINES, TASK_TEST_LINES = 1500, 500
SLACK = 0.02
"""A total that fell by more is written down."""
ROOM = 0.01
"""A known total may be so much larger than what is written, for what is written never rises."""
HEAD = """\
# What papers (files, lines with tests), tasks and families (product lines, test lines) take. Totals only fall:
# `python -m checks --lower` writes what has fallen, and adds nothing.
"""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Totals:
    """Two numbers for each paper, task and family."""

    papers: dict[str, Pair]
    """Files; lines of product and tests."""
    tasks: dict[str, Pair]
    """Lines of product; lines of tests."""
    families: dict[str, Pair]


def measure(tree: Tree, known: Totals | None = None) -> Totals:
    """Return what all take; of tasks and families without what is new, where it is said what is known."""
    owners = Owners(tree)
    own = {slug: [*files, *owners.tests.get(slug, ())] for slug, files in owners.papers.items()}
    papers = {slug: (len(files), _lines(files)) for slug, files in own.items()}
    fresh = set() if known is None else own.keys() - known.papers.keys()
    left_out = {source.path for slug in fresh for source in own[slug]}
    every = [s for s in (*tree.sources, *read_tests(tree)) if s.path not in left_out]
    tasks = {name: _pair(every, folder) for name, folder in _tasks(tree).items()}
    if known is not None:
        new = tuple(folder for name, folder in _tasks(tree).items() if name not in known.tasks)
        every = [one for one in every if not one.path.removeprefix("tests/").startswith(new)]
    families = {folder.split("/")[1] for folder in _tasks(tree).values()}
    return Totals(papers, tasks, {name: _pair(every, f"workloads/{name}/") for name in families})


def read_totals(root: Path) -> Totals:
    """Return what is allowed; without a file all is new."""
    path = root / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = {name: _pairs(rows) for name, rows in tomllib.loads(text).items()}
    return Totals(*(found.get(name, {}) for name in ("papers", "tasks", "families")))


def offences(tree: Tree) -> Iterator[Offence]:
    """Yield what takes more than it did, and what is new and over its budget."""
    known = read_totals(tree.root)
    found = measure(tree, known)
    yield from _papers(found, known)
    for kind, now, before in (
        ("task", found.tasks, known.tasks), ("family", found.families, known.families),
    ):  # fmt: skip
        for name, sizes in now.items():
            if name in before:
                whole = {name: (sum(before[name]),)}
                yield from _of(Total(kind, name, ("lines with its tests",)), (sum(sizes),), whole)
            elif kind == "task":
                total = Total(kind, name, ("lines", "lines of tests"))
                yield from _of(total, sizes, {}, (TASK_LINES, TASK_TEST_LINES))


def _papers(found: Totals, known: Totals) -> Iterator[Offence]:
    for slug, sizes in found.papers.items():
        total = Total("paper", slug, ("files", "lines with its tests"))
        yield from _of(total, sizes, known.papers, (PAPER_FILES, PAPER_LINES))


class Total(NamedTuple):
    """What is added up."""

    kind: str
    name: str
    nouns: tuple[str, ...]


def _of(
    total: Total,
    sizes: Sequence[int],
    known: Mapping[str, Sequence[int]],
    new: Sequence[int] = (),
) -> Iterator[Offence]:
    """Yield where a total is over what is known of it, or its budget if it is new, or lies well below."""
    check, where = f"{total.kind}-total", f"The {total.kind} {total.name}"
    most, room = known.get(total.name, new), ROOM if total.name in known else 0.0
    for size, limit, noun in zip(sizes, most, total.nouns, strict=True):
        if size > limit * (1 + room):
            yield Offence(
                check, where,
                f"{where} has {size:,} {noun}, and {limit:,} are allowed. "
                "Say it shorter, or use what the substrate has: totals only fall. A method of a new paper "
                "names it in its card (slug=), and is counted there.", size,
            )  # fmt: skip
        elif total.name in known and size < limit * (1 - SLACK):
            yield Offence(
                check, where,
                f"{where} fell to {size:,} {noun}, and {FILE} says {limit:,}. "
                "Run python -m checks --lower.", size,
            )  # fmt: skip


def lower(tree: Tree) -> str:
    """Return the file with what has fallen; what grew, and what is new, stays as it is."""
    known = read_totals(tree.root)
    found = measure(tree, known)
    tables = []
    for name in ("papers", "tasks", "families"):
        now, before = getattr(found, name), getattr(known, name)
        rows = {
            key: now[key] if sum(now[key]) < sum(old) else old
            for key, old in before.items() if key in now
        }  # fmt: skip
        tables.append(_table(name, rows))
    return HEAD + "".join(tables)


def table(tree: Tree) -> list[str]:
    """Return a line for each paper, task and family with what it takes, those that take most first."""
    found = measure(tree)
    lines = []
    for noun, sizes, units in (
        ("paper", found.papers, "{:6} files {:7,} lines with tests"),
        ("task", found.tasks, "{:7,} lines {:7,} of tests"),
        ("family", found.families, "{:7,} lines {:7,} of tests"),
    ):
        for name, pair in sorted(sizes.items(), key=lambda row: (-row[1][1], row[0])):
            lines.append(f"{noun:7} {name:26} {units.format(*pair)}")
    return lines


def _table(name: str, rows: Mapping[str, tuple[int, ...]]) -> str:
    lines = [f'"{key}" = [{row[0]}, {row[1]}]' for key, row in sorted(rows.items())]
    return "\n".join(("", f"[{name}]", *lines, ""))


def _pairs(rows: Mapping[str, Iterable[int]]) -> dict[str, Pair]:
    return {name: (first, second) for name, (first, second) in rows.items()}


def _tasks(tree: Tree) -> dict[str, str]:
    """Return the folder of each task, by its name."""
    folders = (
        source.parts[:-1] for source in tree.sources if source.name == "task" and source.role
    )
    return {parts[-1]: "/".join(parts) + "/" for parts in folders}


def _pair(sources: Iterable[Source], folder: str) -> Pair:
    """Return the lines of product and of tests below a folder."""
    product, tests = 0, 0
    for source in sources:
        if source.path.startswith(folder):
            product += source.lines
        elif source.path.startswith(f"tests/{folder}"):
            tests += source.lines
    return product, tests


def _lines(sources: Iterable[Source]) -> int:
    return sum(source.lines for source in sources)
