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
