"""How often verdicts err in simulated worlds (`benchmarks/verdict_errors.py`), and what the page says."""

import importlib
import math
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")


def load(name):
    """A script of `benchmarks`, which are in no package."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


errors, worlds = load("verdict_errors"), list(load("verdict_forms").worlds())
NAMES = [f"{own.form}, {own.data}, {over}" for own in worlds for over in errors.DESIGNS]
POOLED, NESTED, TEN = (load("verdict_worlds").Design(*d) for d in
                       (("cases", 3, 40), ("seeds", 5, 20), ("seeds", 10, 20)))  # fmt: skip
QUICK = [own for own in worlds if own.form not in errors.SLOW]


def most(count, level=errors.BAR, deviations=3.0):
    """The largest share that agrees with a level, drawn so many times."""
    return level + deviations * math.sqrt(level * (1 - level) / count)


@pytest.mark.parametrize("own", QUICK, ids=lambda own: f"{own.form}, {own.data}")
def test_few_worlds_err(own):
    """Forty worlds tell a rule that looks at the mean alone, which is right in every second."""
    for design in (POOLED, NESTED):
        if own.at_bar is not None:
            assert errors.share_of(own, own.at_bar, design, 40, ("reproduced",)) <= most(40)
        else:
            assert errors.share_of(own, own.nothing, design, 40, errors.BETTER) <= most(40)
    if "by the tolerance" not in own.data:
        assert errors.share_of(own, own.full, TEN, 6, errors.BETTER) + (own.nothing is None) > 0


@pytest.mark.parametrize("form", errors.SLOW)
def test_few_fronts_err(form):
    for own in (own for own in worlds if own.form == form):
        assert errors.share_of(own, own.nothing, NESTED, 4, errors.BETTER) < 0.5


def rows(name):
    """The table between two markers of the page: cells of each line, figures as shares."""
    table = PAGE.partition(f"<!-- begin {name} -->")[2].partition(f"<!-- end {name} -->")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return [[_figures(cell) for cell in line] for line in lines[1:]]


def _figures(cell):
    numbers = re.fullmatch(r"[\d./ ]+", cell)
    return [float(part) / 100 for part in re.split("[ /]", cell)] if numbers else cell


def test_the_page_has_a_line_for_every_world_and_its_errors_are_few():
    table = rows("verdict errors")
    assert [f"{form}, {data}, {over}" for form, data, over, *_ in table] == NAMES
    for form, data, over, nothing, at_bar, beyond, _ in table:
        for shares in (nothing, at_bar, beyond):
            for share in shares if shares != "-" else ():
                assert share <= most(errors.drawn(form, 2000), deviations=4.0), (form, data, over)


def test_the_page_shows_that_a_curve_that_rises_and_stays_level_is_monotone():
    fulls = [row[-1] for row in rows("verdict errors") if row[1] == "rises, then flat"]
    assert min(full[1] for full in fulls) >= 0.8


def test_the_page_shows_that_following_advice_errs_rarely():
    table = rows("advice errors")
    named = {f"{form}, {data}, {over}" for form, data, over, *_ in table}
    assert {name for name in NAMES if name.endswith("seeds")} <= named <= set(NAMES)
    for form, data, over, _, shares in table:
        count = errors.drawn(form, 1000) if over == "seeds" else 600
        bound = most(count, errors.ADVICE, 2.5)
        assert max(shares) <= bound, (form, data)


@pytest.mark.slow
@pytest.mark.parametrize("own", worlds, ids=lambda own: f"{own.form}, {own.data}")
@pytest.mark.parametrize("over", errors.DESIGNS)
def test_verdicts_err_rarely(own, over):
    count = errors.drawn(own.form, 400)
    row = errors.measure(own, over, count)
    assert max(row.errors) <= most(count)
    if own.data == "rises, then flat":
        assert row.full[1] >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("own", worlds, ids=lambda own: f"{own.form}, {own.data}")
@pytest.mark.parametrize("over", errors.DESIGNS)
def test_following_advice_errs_rarely(own, over):
    count = errors.drawn(own.form, 400)
    for row in errors.advice(own, over, count):
        assert max(row.wrong) <= most(count, errors.ADVICE)
