"""The instances: pure, of the load they say, hostile where they should be."""

import numpy as np
import pytest

from adabench.workloads.algorithms.flow_time.substrate.job_streams import (
    FAMILIES,
    GRID,
    UNIFORM_TESTS,
    generate,
    make_stream,
)
from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats

LOADED = ("pareto", "exp", "trap", "test", "geom", "service")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_instance_is_a_function_of_family_parameters_and_seed(family: str) -> None:
    one, same = (generate(family, 300, 4, 0.9, 3) for _ in range(2))
    assert one.case == same.case
    assert one.case.instance == same.case.instance
    for array in (one.arrive, one.first, one.ops):
        assert not array.flags.writeable
    other = generate(family, 300, 4, 0.9, 4).case.instance
    assert (other == one.case.instance) == (family == "burst")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("m", [1, 8])
def test_arrays_are_sound(family: str, m: int) -> None:
    stream = generate(family, 400, m, 0.9, 0)
    counts = np.diff(stream.first)
    assert (np.diff(stream.arrive) >= 0).all()
    assert stream.arrive[0] >= 0
    assert counts.min() >= 1
    assert stream.first[-1] == len(stream.ops)
    assert (stream.ops > 0).all()
    assert (stream.ops * GRID == np.rint(stream.ops * GRID)).all()
    assert counts.max() == 2 if family in UNIFORM_TESTS else counts.max() <= m
    assert 0 < stream.information <= 1
    if m == 1 and family not in UNIFORM_TESTS:
        assert stream.information == 1


@pytest.mark.parametrize("family", LOADED)
@pytest.mark.parametrize("load", [0.7, 0.95])
def test_the_load_is_the_share_of_time_with_work(family: str, load: float) -> None:
    stream = generate(family, 5000, 4, load, 1)
    assert stream.ops.sum() / stream.arrive[-1] == pytest.approx(load, rel=0.05)


@pytest.mark.parametrize("family", sorted(UNIFORM_TESTS))
def test_uniform_tests_are_uniform(family: str) -> None:
    for seed in range(3):
        stream = generate(family, 500, 8, 0.95, seed)
        assert len(set(stream.ops[stream.first[:-1]].tolist())) == 1


def test_hostile_means_that_a_policy_loses_there(values) -> None:
    from adabench.workloads.algorithms.flow_time.task import load

    task = load("embedded", 0, m=32, jobs=2000)
    op_srpt, setf = values("op_srpt", task), values("setf", task)
    assert op_srpt["burst"]["ratio"] > setf["burst"]["ratio"]
    assert op_srpt["hide"]["ratio"] > setf["hide"]["ratio"]
    robin = values("round_robin", task)
    assert setf["trap"]["ratio"] > robin["trap"]["ratio"]
    assert op_srpt["tight"]["ratio"] > 1.8
    assert op_srpt["tight_one"]["ratio"] > 1.48


def test_the_control_does_not_separate_the_policies(values) -> None:
    from adabench.workloads.algorithms.flow_time.task import load

    task = load("embedded", 0, m=8, trace="geom")
    ratios = [values(name, task)["geom"]["ratio"] for name in ("op_srpt", "chunked")]
    assert max(ratios) / min(ratios) < 1.1


def test_a_stream_is_sorted_with_its_operations() -> None:
    stream = make_stream(
        "given", np.array([5.0, 1.0]), np.array([2, 1]), np.array([1.0, 2.0, 3.0]), 2, 0
    )
    assert stream.arrive.tolist() == [1.0, 5.0]
    assert stream.ops.tolist() == [3.0, 1.0, 2.0]
    assert stream.totals.tolist() == [3.0, 3.0]


def test_every_array_counts_in_the_hash() -> None:
    def hashed(arrive: list[float], counts: list[int], sizes: list[float]) -> float:
        parts: tuple[Floats, ...] = tuple(map(np.array, (arrive, counts, sizes)))
        return make_stream("given", *parts, 2, 0).case.instance

    seen = {
        hashed([0.0, 1.0], [2, 1], [1.0, 2.0, 3.0]),
        hashed([0.0, 2.0], [2, 1], [1.0, 2.0, 3.0]),
        hashed([0.0, 1.0], [1, 2], [1.0, 2.0, 3.0]),
        hashed([0.0, 1.0], [2, 1], [1.0, 2.0, 4.0]),
    }
    assert len(seen) == 4
