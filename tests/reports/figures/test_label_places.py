"""Names stand beside their own lines: in the frame, over no other name, and off the marks where there is room."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from adabench.reports.figures.label_places import Box, Name, along, places, width_of

FRAME: Box = (0.0, 0.0, 300.0, 200.0)
SPOT = st.tuples(st.floats(0, 300), st.floats(0, 200))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(20, 90), SPOT), min_size=1, max_size=8))
def test_no_name_leaves_the_frame_or_covers_another(
    drawn: list[tuple[float, tuple[float, float]]],
) -> None:
    names = [Name(width, 12.0, (spot,)) for width, spot in drawn]
    boxes = [box for box in places(names, [spot for _, spot in drawn], FRAME, 5.0) if box]
    assert boxes
    for left, low, right, high in boxes:
        assert 0 <= left < right <= 300
        assert 0 <= low < high <= 200
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_a_name_stands_beside_its_point_and_off_the_others() -> None:
    crowd = [(x, 100.0) for x in range(105, 200, 5)]
    [box] = places([Name(60.0, 12.0, ((100.0, 100.0),))], [(100.0, 100.0), *crowd], FRAME, 5.0)
    assert box is not None
    assert not any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for x, y in crowd)
    assert min(abs(box[0] - 100), abs(box[2] - 100), abs(box[1] - 100), abs(box[3] - 100)) <= 8


def test_a_name_without_room_is_left_out_and_lines_are_followed() -> None:
    assert places([Name(400.0, 12.0, ((10.0, 10.0),))], [], FRAME, 5.0) == [None]
    assert list(along([(0, 0), (10, 0)], 5)) == [(0, 0), (5, 0), (10, 0)]
    assert width_of("mm", 10) > width_of("ll", 10)


def test_a_name_is_nearer_to_its_own_line_than_to_another_or_left_out() -> None:
    """Between two lines there is no room: a name goes above or below both, on its own line's side."""
    upper, lower = (tuple(along([(20.0, y), (280.0, y)], 5.0)) for y in (110.0, 100.0))
    names = [Name(60.0, 12.0, (line[-1], line[20]), line) for line in (upper, lower)]
    above, below = places(names, [*upper, *lower], FRAME, 5.0)
    assert above is not None
    assert below is not None
    assert above[1] > 110
    assert below[3] < 100
    middle = tuple(along([(20.0, 105.0), (280.0, 105.0)], 5.0))
    crowded = [*upper, *middle, *lower]
    [written] = places([Name(60.0, 12.0, middle, middle)], crowded, FRAME, 5.0)
    [left_out] = places([Name(60.0, 12.0, middle, middle, optional=True)], crowded, FRAME, 5.0)
    assert (written is None, left_out) == (False, None)
