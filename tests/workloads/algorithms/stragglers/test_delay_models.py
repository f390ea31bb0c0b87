"""The instances: pure, of the chain they say, hostile where they should be."""

import numpy as np
import pytest

from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    EXTRA,
    FAMILIES,
    generate,
)
from adabench.workloads.algorithms.stragglers.task import load


def made(family: str, seed: int = 0, n: int = 64, jobs: int = 200):
    return generate(family, n, jobs, 100, 6.0, 1.0, seed)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_instance_is_a_function_of_family_parameters_and_seed(family: str) -> None:
    one, same, other = made(family, 3), made(family, 3), made(family, 4)
    assert one.case.instance == same.case.instance != other.case.instance
    assert (one.base == same.base).all()
    for array in (one.base, one.case.probe):
        assert not array.flags.writeable
    assert one.base.shape == (200 + EXTRA, 64)
    assert one.case.probe.shape == (100, 64)
    assert (one.base > 0.9).all()


def test_the_content_hash_covers_what_a_run_depends_on() -> None:
    hashes = {
        generate("short", n, jobs, probe, alpha, mu, 0).case.instance
        for n, jobs, probe, alpha, mu in (
            (8, 9, 20, 6.0, 1.0), (9, 9, 20, 6.0, 1.0), (8, 10, 20, 6.0, 1.0),
            (8, 9, 21, 6.0, 1.0), (8, 9, 20, 5.0, 1.0), (8, 9, 20, 6.0, 0.5),
        )
    }  # fmt: skip
    assert len(hashes) == 6


@pytest.mark.parametrize("family", FAMILIES)
def test_bad_rounds_are_as_many_and_as_long_as_the_chain_says(family: str) -> None:
    chain, bad = FAMILIES[family], made(family).base > 2
    assert bad.mean() == pytest.approx(chain.bad, rel=0.25, abs=1e-9)
    stays = (bad[1:] & bad[:-1]).sum() / max(1, bad[:-1].sum())
    if family != "none":
        assert stays == pytest.approx(1 - chain.to_good, abs=0.06)
    assert bad.any() == (family != "none")


def test_the_probe_and_what_is_scored_are_drawn_apart() -> None:
    profile = made("short")
    rounds = {row.tobytes() for row in profile.base}
    assert not rounds & {row.tobytes() for row in profile.case.probe}
    # Another length of one does not change the other.
    longer = generate("short", 64, 200, 150, 6.0, 1.0, 0)
    assert (longer.base == profile.base).all()


def test_a_case_holds_nothing_that_is_scored() -> None:
    profile = made("short")
    arrays = [v for v in vars(profile.case).values() if isinstance(v, np.ndarray)]
    assert [array.shape for array in arrays] == [(100, 64)]
    task = load("embedded", 0, n=8, jobs=4, probe=20)
    assert not any("base" in vars(case) for case in task.cases())
    assert not hasattr(task, "profiles")
