"""Who answers for a joule: the readings of the records, else the run's instruments, else nobody."""

from adabench.harness.store.energy_labels import UNKNOWN, is_energy, kinds_behind, label

KINDS = [
    ("t", "energy_j", "counter.nvml"), ("t", "energy_j", "estimated.tdp"),
    ("t", "energy_gpu_j", "counter.nvml"), ("t", "wall_j", "measured.wall"),
]  # fmt: skip


def instrument(**keys: object) -> dict[str, object]:
    return {"keys": ["wall_j"], "available": True, "label": "measured"} | keys


def test_the_weakest_reading_under_a_name_speaks_for_it() -> None:
    assert label("energy_j", KINDS, {}) == "estimated"
    assert label("energy_gpu_j", KINDS, {}) == "counter"
    assert label("energy_est_j", [("t", "energy_est_j", "measured.wall")], {}) == "estimated"


def test_instruments_are_asked_where_no_reading_says_and_only_those_that_were_there() -> None:
    manifest = {"instruments": [instrument()]}
    assert label("wall_j", [], manifest) == "measured"
    assert label("wall_j", [("t", "wall_j", "estimated.tdp")], manifest) == "estimated"
    assert label("other_j", KINDS, manifest) == UNKNOWN
    assert label("wall_j", [], {}) == UNKNOWN
    for lacking in ({"available": False}, {"label": ""}, {"keys": []}):
        assert label("wall_j", [], {"instruments": [instrument(**lacking)]}) == UNKNOWN
    second = [instrument(available=False), instrument(label="counter")]
    assert label("wall_j", [], {"instruments": second}) == "counter"


def test_a_reading_stands_behind_its_own_name_and_the_whole_if_it_has_a_number() -> None:
    readings = [
        {"key": "energy_gpu_j", "kind": "counter.nvml", "j": 0.0},
        {"key": "energy_cpu_j", "kind": "estimated.tdp", "j": None},
        {"key": "energy_dram_j", "kind": "counter.rapl", "j": 2.0},
    ]
    found = set(kinds_behind("t", ("energy_j", "energy_gpu_j", "energy_cpu_j"), readings))
    assert found == {
        ("t", "energy_j", "counter.nvml"), ("t", "energy_gpu_j", "counter.nvml"),
        ("t", "energy_j", "counter.rapl"),
    }  # fmt: skip


def test_a_joule_is_told_by_its_unit_or_its_name() -> None:
    assert [is_energy("x", "J"), is_energy("x_j"), is_energy("x_s", "s")] == [True, True, False]
