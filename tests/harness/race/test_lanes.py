"""From a plan and its records to races: who competes, in which order, and what is certified."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adabench.harness.contract.card import Card, Knob, Metric
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.errors import SelectionError
from adabench.harness.race import certificate
from adabench.harness.race.lanes import RaceInstance, RacePlan, lane, tracks
from adabench.harness.race.race import Rule

TASK = Card(
    "pages",
    budget="slots",
    metrics=(
        Metric("hits", "", "higher", "quality", primary=True),
        Metric("slots", "pages", "lower", "work", primary=True),
    ),
)
TASKS = {"t": TASK}
METHODS = {
    f"t/{name}": Card(name, role=role, knobs=(Knob("k", (1, 2), 1),))
    for name, role in (("good", "adaptive"), ("bad", "static"), ("seer", "oracle"))
}
HITS = {"good": 0.8, "bad": 0.3, "seer": 0.9}


def cells(noise: tuple[float, ...] = (0.1,), slots: tuple[int, ...] = (50, 100)) -> list[Cell]:
    return [
        Cell("t", name, {"k": 1}, {"noise": level, "slots": size}, "embedded", seed)
        for seed in range(5)
        for level in noise
        for size in slots
        for name in HITS
    ]


def found(which: list[Cell], card: Card = TASK) -> list[RacePlan]:
    return tracks([Turn(cell, 0) for cell in which], {"t": card}, METHODS)


def record(cell: Cell, case: int, **changed: Any) -> Record:
    wobble = 0.02 * np.sin(7 * cell.seed + 3 * case)
    slots = float(cell.conditions["slots"])
    hits = HITS[cell.method] + wobble + 0.001 * slots + 0.003 * np.cos(case + slots)
    values = {"hits": float(hits), "slots": slots, "latency_s": 0.1}
    return replace(Record(cell, "solve", case, 0, "ok", values), **changed)


def run(own: RaceInstance) -> Iterator[Record]:
    """Solve what is wanted until nothing is."""
    while True:
        wanted, seen = own.wanted(), own.seen
        if (wanted <= seen).all():
            return
        for i, point in enumerate(own.track.points):
            for seed, case in own.places[seen[i] : wanted[i]]:
                made = record(point.cells[seed], case)
                own.take(made)
                yield made


def test_conditions_part_races_but_the_budget_does_not() -> None:
    both = found(cells(noise=(0.0, 0.1)))
    assert [track.name for track in both] == ["t(noise=0.0)", "t(noise=0.1)"]
    labels = [point.label for point in both[0].points]
    assert labels == ["good(slots=50)", "bad(slots=50)", "good(slots=100)", "bad(slots=100)"]
    assert [point.label for point in both[0].aside] == ["seer(slots=50)", "seer(slots=100)"]
    assert both[0].points[0].cells.keys() == set(range(5))


def test_a_task_without_two_axes_is_refused() -> None:
    with pytest.raises(SelectionError, match="primary"):
        found(cells(), replace(TASK, metrics=TASK.metrics[:1]))


def test_places_are_all_cases_in_one_order_that_never_changes() -> None:
    (track,) = found(cells())
    counts = {0: 8, 1: 8, 2: 3, 3: 8, 4: 8}
    first, again = (lane(track, Rule(), counts, ()) for _ in range(2))
    assert first.places == again.places != sorted(first.places)
    assert sorted(first.places) == [(s, c) for s in range(5) for c in range(counts[s])]


def test_a_race_certifies_the_front_with_part_of_the_grid() -> None:
    (track,) = found(cells())
    own = lane(track, Rule(), dict.fromkeys(range(5), 20), ())
    made = list(run(own))
    document = own.certificate()
    assert document["ended"] == "certified"
    assert document["evaluations"] == len(made) < document["full_grid"] == 400
    assert document["share_of_time"] == pytest.approx(document["share"])
    assert {row["label"]: row["place"] for row in document["points"]} == {
        "good(slots=50)": "on",
        "good(slots=100)": "on",
        "bad(slots=50)": "off",
        "bad(slots=100)": "off",
    }
    assert all(row["because_of"].startswith("good") for row in document["points"][1::2])
    json.dumps(document)


def test_the_records_alone_tell_how_a_race_stands() -> None:
    (track,) = found(cells())
    own = lane(track, Rule(), dict.fromkeys(range(5), 20), ())
    made = []
    for each in run(own):
        made.append(each)
        if len(made) == 90:
            break
    again = lane(track, Rule(), dict.fromkeys(range(5), 20), reversed(made))
    assert again.certificate() == own.certificate()
    assert list(again.wanted()) == list(own.wanted())


def test_a_point_that_fails_drops_out_with_the_reason() -> None:
    (track,) = found(cells(slots=(100,)))
    own = lane(track, Rule(), dict.fromkeys(range(5), 20), ())
    good, bad = track.points
    own.take(record(good.cells[2], 3, status="error", values={}, note="ValueError: no\ntrace"))
    list(run_only(own, 1))
    rows = {row["label"]: row for row in own.certificate()["points"]}
    assert (rows["good"]["place"], rows["good"]["reason"]) == ("dropped", "ValueError: no")
    assert rows["bad"]["place"] == "on"
    assert own.certificate()["ended"] == "certified"
    assert bad.label == "bad"


def run_only(own: RaceInstance, i: int) -> Iterator[Record]:
    for seed, case in own.places[: own.wanted()[i]]:
        made = record(own.track.points[i].cells[seed], case)
        own.take(made)
        yield made


def test_a_point_without_the_quality_drops_out_too() -> None:
    (track,) = found(cells(slots=(100,)))
    own = lane(track, Rule(), dict.fromkeys(range(5), 20), ())
    own.take(record(track.points[0].cells[0], 0, values={"slots": 100.0}))
    assert own.failed == {0: "it gave no hits"}


def test_the_kind_of_test_goes_by_the_scores() -> None:
    (track,) = found(cells(slots=(100,)))
    kinds = {}
    for name, value in (("bets", 1.0), ("studentised", 0.123456)):
        own = lane(track, Rule(), dict.fromkeys(range(5), 20), ())
        for i, point in enumerate(track.points):
            for k, (seed, case) in enumerate(own.places[: own.pilot]):
                hits = value * ((i + k) % 2) if name == "bets" else value * (k + 1) * (i + 1) / 99
                own.take(record(point.cells[seed], case, values={"hits": hits, "slots": 1.0}))
        own.standing()
        kinds[name] = own.certificate()["test"]
    assert kinds == {"bets": "bets", "studentised": "studentised"}


def test_a_certificate_in_words_names_places_and_shares(tmp_path: Any) -> None:
    (track,) = found(cells())
    own = lane(track, Rule(), dict.fromkeys(range(5), 20), ())
    list(run(own))
    race = own.certificate()
    document = {
        "epsilon": 0.02, "confidence": 0.9, "spent_s": 3.0, "ended": "certified",
        "evaluations": race["evaluations"], "full_grid": 400, "share": race["share"],
        "races": [race], "not_started": ["u"], "unloaded": {"v": "ValueError"},
    }  # fmt: skip
    certificate.write(tmp_path, document)
    assert certificate.read(tmp_path)["races"][0]["race"] == "t"  # type: ignore[index]
    page = certificate.page(document)
    assert "on        good(slots=50), good(slots=100)" in page
    assert "u: not started" in page
    assert "v: not loaded (ValueError)" in page
    assert "raced" in certificate.marks(document)[0]
    assert certificate.marks(None) == []
    assert certificate.read(tmp_path / "nowhere") is None
