"""A forecast is made of what was recorded, and says what it knows nothing about."""

import os
from datetime import datetime, timedelta

import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.doctor.forecast import History, first_turns, forecast, read_history, try_out
from adabench.harness.provenance import environment
from adabench.harness.store import run_folder


def cell(method="fixed", seed=0, spread=1.0, steps=1):
    return Cell("roots", method, {"steps": steps}, {"spread": spread}, "embedded", seed)


def solved(own, seconds=2.0, cases=3, **values):
    return [
        Record(own, "solve", case, 0, "ok", {"latency_s": seconds, **values})
        for case in range(cases)
    ]


def test_the_same_settings_under_another_seed_are_recorded():
    history = History()
    history.add(solved(cell(seed=0)))
    found = forecast([Turn(cell(seed=5), 0), Turn(cell(seed=6), 0)], history, None)
    assert (found.cells, found.turns, found.cases, found.loads) == (2, 2, 6, 2)
    assert found.seconds == pytest.approx(2 * 3 * 2.0)
    assert [share.basis for share in found.shares] == ["recorded"]


def test_other_settings_stand_in_and_are_called_so():
    history = History()
    history.add(solved(cell(steps=1), 1.0) + solved(cell(steps=2), 3.0))
    found = forecast([Turn(cell(steps=9), 0)], history, None)
    assert found.seconds == pytest.approx(3 * 2.0)
    assert found.shares[0].basis == "other settings"


def test_a_condition_that_was_the_number_of_cases_says_how_many_there_will_be():
    history = History()
    history.add(solved(cell(spread=3), 1.0, cases=3))
    found = forecast([Turn(cell(spread=75), 0)], history, None)
    assert (found.seconds, found.cases) == (pytest.approx(75.0), 75)
    for more in (0.5, True, "all"):  # no number of cases
        assert forecast([Turn(cell(spread=more), 0)], history, None).cases == 3
    other = History()
    other.add(solved(cell(spread=2), 1.0, cases=3))
    assert forecast([Turn(cell(spread=75), 0)], other, None).seconds == pytest.approx(3.0)


def test_loops_and_the_flop_pass_are_paid_for():
    history = History()
    history.add(solved(cell(), 0.1, cases=1, loops=20.0, flops=5.0))
    assert forecast([Turn(cell(), 0)], history, None).seconds == pytest.approx(0.1 * 22)


def test_what_was_never_seen_is_unknown_and_not_zero():
    history = History()
    history.add(solved(cell()))
    turns = [Turn(cell(), 0), Turn(cell("residual"), 0)]
    found = forecast(turns, history, None)
    assert found.unknown == ("roots/residual",)
    assert found.seconds == pytest.approx(6.0)
    assert forecast(turns[1:], history, None).seconds is None
    assert first_turns(turns, history) == turns[1:]


def record_run(folder, records, took_s, **environment_changes):
    started = datetime.now().astimezone().replace(microsecond=0)
    here = environment.fingerprint() | environment_changes
    manifest = {"environment": here, "started": started.isoformat()}
    cells = {record.cell.key: record.cell for record in records}
    with run_folder.create(folder, [Turn(own, 0) for own in cells.values()], manifest) as run:
        for record in records:
            run.append(record)
    path = folder / run_folder.RECORDS
    with path.open("a") as file:
        file.write("{cut")
    end = (started + timedelta(seconds=took_s)).timestamp()
    os.utime(path, (end, end))


def test_loading_is_what_a_run_took_beside_its_cases_and_the_least_of_several(tmp_path):
    records = solved(cell(seed=0)) + solved(cell(seed=1))  # 12 s in two loads
    record_run(tmp_path / "a", records, 20.0)
    record_run(tmp_path / "b", records, 3600.0)  # interrupted for an hour
    history = read_history(tmp_path)
    assert (history.runs, history.load_s) == (2, pytest.approx(4.0))
    found = forecast([Turn(cell(seed=s), 0) for s in range(5)], history, None)
    assert found.seconds == pytest.approx(5 * (6.0 + 4.0))


def test_a_load_that_took_no_time_is_the_least(tmp_path):
    """The larger journal is read first: what follows it must not take the place of its zero."""
    record_run(tmp_path / "quick", solved(cell(seed=0)) + solved(cell(seed=1)), 12.0)
    record_run(tmp_path / "slow", solved(cell(seed=2)), 11.0)
    assert read_history(tmp_path).load_s == 0.0


def test_runs_of_other_machines_and_damaged_ones_are_left_out(tmp_path):
    record_run(tmp_path / "other", solved(cell()), 20.0, cores=1234)
    record_run(tmp_path / "bad", solved(cell()), 20.0)
    (tmp_path / "bad" / "run.json").write_text("{")
    assert read_history(tmp_path).runs == 0
    assert read_history(tmp_path / "nowhere").runs == 0


@pytest.mark.usefixtures("toy")
def test_one_turn_is_tried_where_nothing_was_recorded(toy_env, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", toy_env["PYTHONPATH"])
    from adabench.harness.plan.grid import plan
    from adabench.harness.plan.request import PlanRequest, expand

    turns = plan(expand([PlanRequest(("roots/fixed",))]), seeds=(0, 1))
    history = History()
    try_out(first_turns(turns, history), history, 30.0)
    found = forecast(turns, history, None)
    assert found.unknown == ()
    assert found.seconds is not None
    assert found.seconds > 0
    assert found.shares[0].basis == "tried"
