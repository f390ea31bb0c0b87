"""How often verdicts err: simulated worlds for every form of claim, at the sizes that runs have.

    python benchmarks/verdict_errors.py [--worlds 2000] [--only WORD] [--table errors] [--write]

Each row is a form of claim on one sort of data, under one design: exchangeable cases pooled over seeds, trainings
that move what is measured in all of their cases, or seeds of a nested task. `no effect`: the share of worlds
without any effect that read `direction only` or better. `at the bar`: the share of worlds whose truth lies exactly
at the bar (half of the paper's effect; for sameness at the limit) that read `reproduced`. `beyond`: the share of
worlds at the bar whose interval lies wholly above the truth, and wholly below it. All may be 2.5 %; 2,000 worlds
agree with that up to 3.5 %, the 500 of fronts up to 4.5 %. `full`: the share that reads `reproduced` where the
truth is the paper's effect. Where any gain is claimed the bar lies at no effect, and both columns are one.

*Following advice.* Whoever reads `undecided` adds as many seeds or trainings as the verdict asks for, and reads
again, three times at the most; the share that ends with a verdict that is wrong (as in the first two columns).
That may be 3.5 %.

`--write` puts the tables between the markers of `docs/statistics.md`.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from verdict_forms import worlds
from verdict_worlds import Design, World, judge, ruled

from adabench.harness.analysis.claims.evidence import Ruling
from adabench.harness.contract.claim import Over

DESIGNS: Mapping[Over, tuple[Design, ...]] = {
    "cases": (Design("cases", 3, 16), Design("cases", 3, 48), Design("cases", 5, 200)),
    "trainings": (Design("trainings", 3, 100), Design("trainings", 5, 100)),
    "seeds": (Design("seeds", 3, 20), Design("seeds", 5, 20), Design("seeds", 10, 20)),
}
BAR, ADVICE = 0.025, 0.035
BETTER = ("direction only", "reproduced")
SEED = 20
LOOKS = 4
SLOW = ("Frontier", "Reach")
"""Forms whose worlds take twenty times as long: a quarter of the worlds is drawn."""
MOST = 200
"""More blocks than that nobody adds at once."""
PAGE = Path(__file__).resolve().parent.parent / "docs" / "statistics.md"


@dataclass(frozen=True)
class Row:
    """What a form's verdicts amount to under a kind of design, a share for each size."""

    form: str
    data: str
    over: str
    nothing: tuple[float, ...] | None
    at_bar: tuple[float, ...] | None
    above: tuple[float, ...] | None
    below: tuple[float, ...] | None
    full: tuple[float, ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """All shares that may be 2.5 %."""
        kinds = (self.nothing, self.at_bar, self.above, self.below)
        return tuple(share for shares in kinds for share in shares or ())


def rulings(own: World, effect: float, design: Design, count: int) -> list[Ruling]:
    """Return what so many worlds of one effect read."""
    generator = stream(own, effect, design)
    return [judge(own, generator, design, effect) for _ in range(count)]


def share_of(own: World, effect: float, design: Design, count: int, words: Sequence[str]) -> float:
    """Return the share of worlds of one effect that read one of some words."""
    return sum(one.verdict in words for one in rulings(own, effect, design, count)) / count


def stream(own: World, effect: float, design: Design) -> np.random.Generator:
    """Return the fixed stream of a row and a size."""
    words = f"{own.form}{own.data}{effect:.4f}{design.over}"
    return np.random.default_rng([SEED, *design.shape, *map(ord, words)])


def measure(own: World, over: Over, count: int, designs: Sequence[Design] = ()) -> Row:
    """Return a row of the table."""
    sizes = designs or DESIGNS[over]

    def shares(effect: float | None, words: Sequence[str]) -> tuple[float, ...] | None:
        if effect is None:
            return None
        return tuple(share_of(own, effect, size, count, words) for size in sizes)

    at = own.full if own.at_bar is None else own.at_bar
    known = [rulings(own, at, size, count) for size in sizes]
    at_bar = None
    if own.at_bar is not None:
        at_bar = tuple(sum(r.verdict == "reproduced" for r in each) / count for each in known)
    above = below = None
    if own.truth is not None and own.form != "keeping":
        truth = own.truth(at)
        above = tuple(sum(_low(r) > truth for r in each) / count for each in known)
        below = tuple(sum(_high(r) < truth for r in each) / count for each in known)
    full = shares(own.full, ("reproduced",)) or ()
    nothing = shares(own.nothing, BETTER)
    return Row(own.form, own.data, over, nothing, at_bar, above, below, full)


def _low(ruling: Ruling) -> float:
    return -np.inf if ruling.low is None else ruling.low


def _high(ruling: Ruling) -> float:
    return np.inf if ruling.high is None else ruling.high


def following(own: World, effect: float, words: Sequence[str], start: Design, count: int) -> float:
    """Return the share of worlds that read one of some words after following advice three times.

    The blocks of a look are those of the look before and new ones.
    """
    generator, wrong = stream(own, effect, start.with_blocks(start.blocks + 100)), 0
    for _ in range(count):
        design, seen = start, own.draw(generator, start, effect)
        for _ in range(LOOKS):
            ruling = ruled(own, design, seen)
            wrong += ruling.verdict in words
            extra = min(ruling.units - design.blocks, MOST)
            if ruling.verdict != "undecided" or extra <= 0:
                break
            new = own.draw(generator, start.with_blocks(extra), effect)
            seen = {key: np.vstack([seen[key], new[key]]) for key in seen}
            design = start.with_blocks(design.blocks + extra)
    return wrong / count


@dataclass(frozen=True)
class Advice:
    """What following advice does, a share for each size to start with."""

    form: str
    data: str
    over: str
    truth: str
    wrong: tuple[float, ...]


def advice(own: World, over: Over, count: int) -> list[Advice]:
    """Return how often following advice ends in a wrong verdict, at no effect and at the bar."""
    found = []
    for truth, effect, words in (
        ("no effect", own.nothing, BETTER), ("at the bar", own.at_bar, ("reproduced",))
    ):  # fmt: skip
        if effect is not None:
            starts = DESIGNS[over][:2]
            wrong = tuple(following(own, effect, words, start, count) for start in starts)
            found.append(Advice(own.form, own.data, over, truth, wrong))
    return found


def line(row: Row) -> str:
    """Return a line of the first table."""
    beyond = "-"
    if row.above is not None and row.below is not None:
        pairs = zip(row.above, row.below, strict=True)
        beyond = " ".join(f"{100 * a:.1f}/{100 * b:.1f}" for a, b in pairs)
    cells = [_cell(row.nothing), _cell(row.at_bar), beyond, _cell(row.full)]
    return f"| {row.form} | {row.data} | {row.over} | {' | '.join(cells)} |"


def advice_line(row: Advice) -> str:
    """Return a line of the second table."""
    return f"| {row.form} | {row.data} | {row.over} | {row.truth} | {_cell(row.wrong)} |"


def _cell(shares: tuple[float, ...] | None) -> str:
    return "-" if shares is None else " ".join(f"{100 * share:.1f}" for share in shares)


HEADS = {
    "verdict errors": (
        "| form | data | units | no effect: direction only or better, % | at the bar: reproduced, % "
        "| beyond the interval, % | the paper's effect: reproduced, % |\n|---|---|---|---|---|---|---|"
    ),
    "advice errors": (
        "| form | data | units | truth | wrong after three times following advice, % |"
        "\n|---|---|---|---|---|"
    ),
}


def write(name: str, lines: Sequence[str], columns: int) -> None:
    """Put a table between its markers in the page; lines that were not measured anew stay.

    `columns` say which line is which.
    """
    text = PAGE.read_text(encoding="utf-8")
    start, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    head, _, rest = text.partition(start)
    before, _, tail = rest.partition(end)

    def key(line: str) -> tuple[str, ...]:
        return tuple(line.split(" | ")[:columns])

    known = {key(line): line for line in before.strip().splitlines()[2:]}
    known |= {key(line): line for line in lines}
    order = [f"| {own.form} | {own.data}" for own in worlds()]
    there = [line for world in order for line in known.values() if line.startswith(f"{world} | ")]
    table = "\n".join([HEADS[name], *there])
    PAGE.write_text(f"{head}{start}\n{table}\n{end}{tail}", encoding="utf-8")


def chosen(word: str) -> list[int]:
    """Return the numbers of the worlds whose form or data hold a word."""
    return [k for k, own in enumerate(worlds()) if word in f"{own.form} {own.data}"]


def _measured(count: int, job: tuple[int, Over]) -> str:
    own = list(worlds())[job[0]]
    return line(measure(own, job[1], drawn(own.form, count)))


def _advised(count: int, job: tuple[int, Over]) -> list[str]:
    own = list(worlds())[job[0]]
    return [advice_line(row) for row in advice(own, job[1], drawn(own.form, count))]


def drawn(form: str, count: int) -> int:
    """Return how many worlds of a form are drawn."""
    return count // 4 if form in SLOW else count


def main() -> int:
    """Print the tables, and write them into the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--only", default="", help="rows whose form or data hold this word")
    parser.add_argument("--table", choices=("errors", "advice", "both"), default="both")
    parser.add_argument("--units", choices=tuple(DESIGNS), nargs="+", default=tuple(DESIGNS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    jobs = [(number, over) for number in chosen(options.only) for over in options.units]
    lines: list[str] = []
    more: list[str] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        if options.table != "advice":
            print(HEADS["verdict errors"])
            for text in pool.map(partial(_measured, options.worlds), jobs):
                print(text, flush=True)
                lines.append(text)
        if options.table != "errors":
            print(f"\n{HEADS['advice errors']}")
            for texts in pool.map(partial(_advised, options.worlds), jobs):
                print(*texts, sep="\n", flush=True)
                more += texts
    if options.write and lines:
        write("verdict errors", lines, 3)
    if options.write and more:
        write("advice errors", more, 4)
    return 0


if __name__ == "__main__":
    sys.exit(main())
