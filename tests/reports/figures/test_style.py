import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.reports.figures.style import file_stem, spread, strokes


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.08))
def test_labels_keep_their_order_and_their_distance(heights, gap):
    placed = spread(heights, gap)
    ordered = sorted(placed)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(ordered))
    assert all(p <= q for h, p in zip(heights, placed, strict=True)
               for k, q in zip(heights, placed, strict=True) if h < k)  # fmt: skip
    assert all(place <= 1 + 1e-9 for place in placed)


def test_labels_with_room_stay_where_they_are():
    assert spread([0.2, 0.9, 0.5], 0.1) == pytest.approx([0.2, 0.9, 0.5])


def test_crowded_labels_are_centred_on_their_lines():
    assert spread([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.6, 0.5, 0.4])


def test_more_labels_than_room_do_not_overlap():
    placed = sorted(spread([0.5] * 20, 0.1))
    assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(placed))


def test_every_method_is_told_apart_without_colour(findings):
    looks = strokes(findings, "paging").values()
    assert len({look.mark for look in looks}) == len(looks)


def test_names_become_safe_file_names():
    assert file_stem("plane", "../Paging x") == "plane-paging-x"
    long = file_stem("history", "task/" + "m" * 300)
    assert len(long) == 120
    assert long != file_stem("history", "task/" + "m" * 301)
    assert len(file_stem("m" * 120)) == 120
    assert file_stem("m" * 120) == "m" * 120


def test_drawing_leaves_no_global_state_behind():
    code = (
        "import matplotlib, sys\n"
        "from adabench.reports.figures.style import SETTINGS, canvas, drawing\n"
        "before = [matplotlib.rcParams[name] for name in SETTINGS]\n"
        "with drawing(): canvas(3)\n"
        "assert [matplotlib.rcParams[name] for name in SETTINGS] == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
