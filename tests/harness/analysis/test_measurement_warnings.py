"""Warnings: what a reader must know of a run's timing and energy, whichever report they read."""

import fnmatch
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.analysis.invalid_timings import drop_invalid_timings
from adabench.harness.analysis.measurement_warnings import warnings
from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record
from adabench.harness.store.table import from_records
from adabench.profilers.timing.disturbance import KEEP_SHARE
from adabench.workloads.agents.substrate.policy_recipes import recipes


def record(case: int, samples: float, dropped: float | None, note: str = "", **more) -> Record:
    values = {"samples": samples, "latency_s": 0.1, **more}
    if dropped is not None:
        values["samples_dropped"] = dropped
    return Record(Cell("roots", "fixed", {}, {}, "embedded", 0), "solve", case, 0, "ok",
                  values, note)  # fmt: skip


def judged(cases) -> str | None:
    """Say anew what a cell's timing is: its cases count alike, and one unwatched case counts."""
    counted = [values for values in cases if values.get("samples")]
    if not counted:
        return None
    shares = [1 - values.get("samples_dropped", 0.0) / values["samples"] for values in counted]
    if sum(shares) / len(shares) < KEEP_SHARE:
        return "invalid"
    return "valid" if all("samples_dropped" in values for values in counted) else "unwatched"


def said(records, manifest=None) -> str:
    return "\n".join(warnings(records, manifest or {}))


def test_a_calm_run_says_nothing_of_disturbance():
    text = said([record(0, 10, 0), record(1, 10, 0)])
    assert "disturbed" not in text
    assert "invalid" not in text
    assert "watched" not in text


def test_dropped_samples_are_summed_over_the_run():
    text = said([record(0, 100, 1), record(1, 1_000, 9)])
    assert "10 of 1,100 timed samples were disturbed" in text
    assert "invalid" not in text


def test_a_cell_with_too_few_samples_left_is_named():
    text = said([record(0, 10, 9, "timing invalid: 1 of 10 samples undisturbed"), record(1, 10, 0)])
    assert "The timing of 1 of 1 configurations is invalid" in text
    assert "roots/fixed" in text


def test_a_first_lap_that_stands_out_is_told():
    stands_out = record(0, 10, 0, "the first lap took 0.023 s, later ones 0.003 s")
    text = said([stands_out, record(1, 10, 0)])
    assert "The first lap of 1 cases took more than twice as long" in text
    assert "roots/fixed" in text
    assert "first lap" not in said([record(1, 10, 0)])


def test_nobody_watching_is_not_the_same_as_calm():
    assert "1 of 1 configurations was not watched" in said([record(0, 10, None)])


def test_an_unsteady_method_is_named():
    text = said([record(0, 10, 0, "not steady: it drifts by +3.0% over 20 blocks")])
    assert "roots/fixed did not become steady" in text


@pytest.mark.parametrize(("note", "missed"), [("budget spent", True), ("disturbed", True),
                                              ("precision reached", False)])  # fmt: skip
def test_a_precision_that_was_not_reached_is_said(note, missed):
    text = said([record(0, 10, 0, note, latency_half_width=0.034)])
    assert ("the worst half-width is 3.4%" in text) == missed


def test_what_cannot_be_watched_is_said_once():
    absent = {"CPU quota": "Not told.", "processor clock": "Not told.", "run delay": "Too slow."}
    text = said([record(case, 10, 0) for case in range(3)], {"unwatched": absent})
    assert text.count("CPU quota and processor clock (Not told); run delay (Too slow).") == 1


noted = st.one_of(st.none(), st.integers(0, 12))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), noted), max_size=12))
def test_cells_are_judged_all_at_once_as_each_is_alone(seen):
    records = [
        replace(record(case, samples, lost), cell=Cell("roots", "fixed", {}, {}, "embedded", seed))
        for case, (seed, samples, lost) in enumerate(seen)
    ]
    own = {seed: [r.values for r in records if r.cell.seed == seed] for seed in range(3)}
    words = [judged(values) for values in own.values() if values]
    text = said(records)
    for word, told in (("invalid", "is invalid"), ("unwatched", "was not watched")):
        count = words.count(word)
        assert (f"The timing of {count} of {len(words)} configurations {told}" in text) == (
            count > 0
        )


def test_cases_that_spread_over_their_repeats_are_counted():
    cell = Cell("roots", "fixed", {}, {}, "embedded", 0)
    records = [
        Record(cell, "solve", case, repeat, "ok", {"latency_s": 1.0 + spread * repeat})
        for case, spread in enumerate((0.0, 0.01, 0.5))
        for repeat in range(3)
    ]
    assert "1 of 3 cases spread by more than 10%" in said(records)
    assert "spread" not in said([r for r in records if r.repeat == 0])


def test_waiting_takes_times_away_and_no_processor_time():
    own = {"cpu_s": 1.0, "prep_cpu_s": 2.0, "update_cpu_s": 3.0, "latency_s": 4.0, "scene_s": 5.0}
    table = from_records([record(0, 10, 9, **own), record(1, 10, 9, **own)])
    kept = drop_invalid_timings(table, {})
    for name, value in own.items():
        robust = name.endswith("cpu_s")
        assert np.array_equal(kept.columns[name][:] == value, [robust] * 2), name
    calm = from_records([record(0, 10, 0, **own), record(1, 10, 0, **own)])
    assert drop_invalid_timings(calm, {}) is calm


def test_what_follows_from_times_is_left_out_with_them_where_its_task_says_so():
    """A share of time has no unit of time; the same name of another task may be a count."""
    metrics = (
        Metric("idle_share", "", "lower", "info", clocked=True),
        Metric("steps", "", "lower", "cost"),
    )
    cards = {
        "roots": Card(title="Roots", adapts="nothing", metrics=metrics),
        "trees": Card(title="Trees", adapts="nothing"),
    }
    own = {"idle_share": 0.5, "steps": 3.0}
    lost = [record(0, 10, 9, **own)]
    other = [replace(one, cell=replace(one.cell, task="trees")) for one in lost]
    kept = drop_invalid_timings(from_records([*lost, *other]), cards)
    found = dict(
        zip((cell.task for cell in kept.cells), kept.columns["idle_share"][:], strict=True)
    )
    assert np.isnan(found["roots"])
    assert found["trees"] == 0.5
    assert list(kept.columns["steps"][:]) == [3.0, 3.0]
    calm = from_records([record(0, 10, 0, **own)])
    assert drop_invalid_timings(calm, cards).columns["idle_share"][0] == 0.5


@pytest.mark.parametrize("name", ["p95_over_p50", "idle_share", "achieved_qps", "overlap_share"])
def test_shares_and_rates_of_agents_are_declared_as_times(name):
    declared = {metric.name: metric for metric in registry.find("agents").card.metrics}
    assert declared[name].clocked


def test_operators_that_flops_lack_are_named_with_their_methods():
    lacking = {"flops": 8.0, "aten._fft_r2c.uncounted_calls": 3.0}
    text = said([record(0, 10, 0, **lacking), record(1, 10, 0, flops=8.0)])
    assert "The FLOPs lack the work" in text
    assert "aten._fft_r2c of roots/fixed" in text
    assert "FLOPs" not in said([record(0, 10, 0, flops=8.0)])


def test_seeds_of_few_trainings_are_no_advice():
    def of(seed: int, model: int) -> Record:
        cell = Cell("roots", "fixed", {}, {}, "embedded", seed)
        return Record(cell, "solve", 0, 0, "ok", {"steps": 1.0}, trained={f"m-s{model}": "00"})

    text = said([of(seed, seed % 3) for seed in range(9)])
    assert "roots: 3 trainings of each model only" in text
    assert "adabench train 'roots/m-s[0-4]' --missing" in text
    assert "--seeds 0..9" not in text
    assert "trainings" not in said([of(seed, seed) for seed in range(6)])


def test_methods_with_few_trainings_are_named_where_others_have_enough():
    def of(method: str, seed: int, name: str) -> Record:
        cell = Cell("roots", method, {}, {}, "embedded", seed)
        return Record(cell, "solve", 0, 0, "ok", {"steps": 1.0}, trained={name: "00"})

    text = said(
        [of("fixed", seed, "plain-s0") for seed in range(5)]
        + [of("coin", seed, f"gate-s{seed}") for seed in range(5)]
    )
    assert "roots: 1 training of fixed only" in text
    assert "adabench train 'roots/plain-s[0-4]' --missing" in text
    assert "gate-s" not in text


def test_what_has_one_recipe_is_not_asked_for_more():
    cells = [Cell("roots", "fixed", {}, {}, "embedded", seed) for seed in range(3)]
    text = said(
        [
            Record(cell, "solve", 0, 0, "ok", {"steps": 1.0}, trained={"real-acm": "00"})
            for cell in cells
        ]
    )
    assert "roots: 1 training of each model only" in text
    assert "Each has one recipe, without a training seed" in text
    assert "adabench train" not in text


def test_more_trainings_are_asked_of_the_task_that_has_the_recipes():
    """`agents` runs the policies of `lookup`: no recipe has its own name before it."""
    records = [
        Record(
            Cell("agents", "lats", {}, {}, "embedded", seed), "solve", 0, 0, "ok", {"words": 1.0},
            trained={f"agent-s-s{seed % 2}": "00", f"agent-value-s-s{seed % 2}": "01"},
        )
        for seed in range(3)
    ]  # fmt: skip
    text = said(records)
    assert "agents: 2 trainings of each model only" in text
    assert (
        "`adabench train 'lookup/agent-s-s[0-4]' 'lookup/agent-value-s-s[0-4]' --missing`" in text
    )
    for pattern in ("agent-s-s[0-4]", "agent-value-s-s[0-4]"):
        assert len(fnmatch.filter(recipes(), pattern)) == 5


def test_where_trainings_are_a_condition_files_alone_are_no_advice():
    cells = [Cell("roots", "fixed", {}, {"trainings": 1}, "embedded", seed) for seed in range(3)]
    records = [
        Record(cell, "solve", 0, 0, "ok", {"steps": 1.0}, trained={"m-s0": "00"}) for cell in cells
    ]
    text = said(records)
    assert "roots: 1 training of each model only" in text
    assert "--set trainings=5 --seeds 0..4" in text
    assert "adabench train" not in text
