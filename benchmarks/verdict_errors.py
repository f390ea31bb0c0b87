"""How often verdicts err: simulated worlds for every form of claim, at 3, 5 and 10 trainings.

    python benchmarks/verdict_errors.py [--worlds 1000] [--only WORD] [--table errors] [--write]

Each row is a form of claim on one sort of data. `no effect`: the share of worlds without any effect that
read `direction only` or better. `at the bar`: the share of worlds whose truth lies exactly at the bar
(half of the paper's effect; for sameness at the limit) that read `reproduced`. Both may be 2.5 %; with
1,000 worlds a figure of up to 3.5 % agrees with that, with the 250 of fronts one of up to 4.8 %. `full`: the share that reads `reproduced` where the
truth is the paper's effect. Where any gain is claimed the bar lies at no effect, and both columns are one.

*Following advice.* Starting with 3 trainings and with 5, whoever reads `undecided` trains as many more as
the verdict asks for, and reads again, three times at the most; the share that ends with a verdict that
is wrong (as in the first two columns). That may be 3.5 %.

`--write` puts the tables between the markers of `docs/statistics.md`.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from verdict_forms import worlds
from verdict_worlds import World, judge, ruled

SIZES = (3, 5, 10)
BAR, ADVICE = 0.025, 0.035
BETTER = ("direction only", "reproduced")
SEED = 20
LOOKS = 4
SLOW = ("Frontier", "Reach")
"""Forms whose worlds take twenty times as long: a quarter of the worlds is drawn."""
MOST = 200
"""More trainings than that nobody adds at once."""
STARTS = (3, 5)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "statistics.md"


@dataclass(frozen=True)
class Row:
    """What a form's verdicts amount to, a share for each number of trainings."""

    form: str
    data: str
    nothing: tuple[float, ...] | None
    at_bar: tuple[float, ...] | None
    full: tuple[float, ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """All shares that may be 2.5 %."""
        return (self.nothing or ()) + (self.at_bar or ())


def share_of(own: World, effect: float, trainings: int, count: int, words: Sequence[str]) -> float:
    """Return the share of worlds of one effect that read one of some words."""
    generator = stream(own, effect, trainings)
    hits = sum(judge(own, generator, trainings, effect).verdict in words for _ in range(count))
    return hits / count


def stream(own: World, effect: float, trainings: int) -> np.random.Generator:
    """Return the fixed stream of a row and a size."""
    words = f"{own.form}{own.data}{effect:.4f}"
    return np.random.default_rng([SEED, trainings, *map(ord, words)])


def measure(own: World, count: int, sizes: Sequence[int] = SIZES) -> Row:
    """Return a row of the table."""

    def shares(effect: float | None, words: Sequence[str]) -> tuple[float, ...] | None:
        if effect is None:
            return None
        return tuple(share_of(own, effect, size, count, words) for size in sizes)

    full = shares(own.full, ("reproduced",)) or ()
    return Row(
        own.form, own.data, shares(own.nothing, BETTER), shares(own.at_bar, ("reproduced",)), full
    )


def following(own: World, effect: float, words: Sequence[str], start: int, count: int) -> float:
    """Return the share of worlds that read one of some words after following advice three times.

    The trainings of a look are those of the look before and new ones.
    """
    generator, wrong = stream(own, effect, 100 + start), 0
    for _ in range(count):
        trainings, seen = start, own.draw(generator, start, effect)
        for _ in range(LOOKS):
            ruling = ruled(own, trainings, seen)
            wrong += ruling.verdict in words
            more = re.search(r"about (\d+) more", ruling.reason)
            if ruling.verdict != "undecided" or more is None:
                break
            extra = min(int(more[1]), MOST)
            new = own.draw(generator, extra, effect)
            seen = {key: np.vstack([seen[key], new[key]]) for key in seen}
            trainings += extra
    return wrong / count


@dataclass(frozen=True)
class Advice:
    """What following advice does, a share for each number of trainings to start with."""

    form: str
    data: str
    truth: str
    wrong: tuple[float, ...]


def advice(own: World, count: int) -> list[Advice]:
    """Return how often following advice ends in a wrong verdict, at no effect and at the bar."""
    found = []
    for truth, effect, words in (
        ("no effect", own.nothing, BETTER), ("at the bar", own.at_bar, ("reproduced",))
    ):  # fmt: skip
        if effect is not None:
            wrong = tuple(following(own, effect, words, start, count) for start in STARTS)
            found.append(Advice(own.form, own.data, truth, wrong))
    return found


def line(row: Row) -> str:
    """Return a line of the first table."""
    cells = [_cell(each) for each in (row.nothing, row.at_bar, row.full)]
    return f"| {row.form} | {row.data} | {' | '.join(cells)} |"


def advice_line(row: Advice) -> str:
    """Return a line of the second table."""
    return f"| {row.form} | {row.data} | {row.truth} | {_cell(row.wrong)} |"


def _cell(shares: tuple[float, ...] | None) -> str:
    return "-" if shares is None else " ".join(f"{100 * share:.1f}" for share in shares)


HEADS = {
    "verdict errors": (
        "| form | data | no effect: direction only or better, % | at the bar: reproduced, % "
        "| the paper's effect: reproduced, % |\n|---|---|---|---|---|"
    ),
    "advice errors": (
        "| form | data | truth | wrong after three times following advice, % |\n|---|---|---|---|"
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


def _measured(number: int, count: int) -> str:
    own = list(worlds())[number]
    return line(measure(own, drawn(own.form, count)))


def _advised(number: int, count: int) -> list[str]:
    own = list(worlds())[number]
    return [advice_line(row) for row in advice(own, drawn(own.form, count))]


def drawn(form: str, count: int) -> int:
    """Return how many worlds of a form are drawn."""
    return count // 4 if form in SLOW else count


def main() -> int:
    """Print the tables, and write them into the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--only", default="", help="rows whose form or data hold this word")
    parser.add_argument("--table", choices=("errors", "advice", "both"), default="both")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    numbers = chosen(options.only)
    counts = [options.worlds] * len(numbers)
    lines: list[str] = []
    more: list[str] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        if options.table != "advice":
            print(HEADS["verdict errors"])
            for text in pool.map(_measured, numbers, counts):
                print(text, flush=True)
                lines.append(text)
        if options.table != "errors":
            print(f"\n{HEADS['advice errors']}")
            for texts in pool.map(_advised, numbers, counts):
                print(*texts, sep="\n", flush=True)
                more += texts
    if options.write and lines:
        write("verdict errors", lines, 2)
    if options.write and more:
        write("advice errors", more, 3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
