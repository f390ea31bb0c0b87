"""Two manifests: what differs, what that forbids, and whether the task is the same."""

import copy
from typing import Any

import pytest

from adabench.harness.provenance import environment_diff

HERE: dict[str, Any] = {
    "environment": {
        "system": "Linux",
        "machine": "x86_64",
        "cpu_model": "Xeon",
        "virtual": False,
        "cores": 8,
        "cpu_quota": None,
        "memory_bytes": 64_000_000_000,
        "governor": "performance",
        "power": "mains",
        "gpus": ["H100"],
        "driver": "550.54",
        "kernel": "6.1",
        "python_minor": "3.12",
        "torch": "2.9.0",
        "git_commit": "aaaa",
        "load_average": [0.1, 0.1, 0.1],
    },
    "asked": {"precision": None, "budget_s": 5.0, "steady_s": 0.0, "repeats": 3},
    "instruments": [{"name": "CPU energy counter", "available": True, "label": "counter"}],
    "unwatched": {},
    "sources": {"roots/fixed": "1" * 64, "roots/coin": "2" * 64},
}
CEILING = {"value": 1e11, "unit": "FLOP/s", "u_rel": 0.01, "samples": 9, "instrument": "clock"}


def changed(part: str, **values: Any) -> dict[str, Any]:
    other = copy.deepcopy(HERE)
    other[part] |= values
    return other


def profile(rate: float = 1e11, **fingerprint: Any) -> dict[str, Any]:
    known = {"system": "Linux", "machine": "x86_64", "cpu_model": "Xeon", "virtual": False,
             "cores": 8, "python_minor": "3.12", "torch": "2.9.0"}  # fmt: skip
    return {
        "name": "box",
        "differs": [],
        "pinned": {
            "schema": 1,
            "fingerprint": known | fingerprint,
            "conditions": {"busy": False},
            "ceilings": {"gemm_cpu_float32": CEILING | {"value": rate}},
        },
    }


def found(other: dict[str, Any], base: dict[str, Any] | None = None) -> set[tuple[str, str]]:
    return {(item.field, item.key) for item in environment_diff.differences(base or HERE, other)}


def test_a_run_is_like_itself_whatever_the_load() -> None:
    assert found(changed("environment", load_average=[9.0, 9.0, 9.0])) == set()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"cpu_model": "Epyc"}, "cpu_model"),
        ({"cores": 4}, "cores"),
        ({"cpu_quota": 2.0}, "cpu_quota"),
        ({"memory_bytes": 32_000_000_000}, "memory_bytes"),
        ({"governor": "powersave"}, "governor"),
        ({"power": "battery"}, "power"),
        ({"gpus": []}, "gpus"),
    ],
)
def test_unlike_hardware_forbids(values: dict[str, Any], key: str) -> None:
    (item,) = environment_diff.forbidding(
        environment_diff.differences(HERE, changed("environment", **values))
    )
    assert item.key == key
    assert key in str(item)


def test_software_is_named_and_forbids_nothing() -> None:
    other = changed("environment", torch="2.10.0", driver="560.1", kernel="6.2")
    assert found(other) == {("software", "torch"), ("software", "driver"), ("state", "kernel")}
    assert environment_diff.forbidding(environment_diff.differences(HERE, other)) == []


def test_memory_may_differ_by_what_a_kernel_keeps() -> None:
    assert found(changed("environment", memory_bytes=63_500_000_000)) == set()


def test_a_key_that_one_manifest_does_not_know_is_no_difference() -> None:
    other = copy.deepcopy(HERE)
    del other["environment"]["governor"]
    assert found(other) == set()


def test_a_manifest_without_environment_is_unlike_every_other() -> None:
    other = {**HERE, "environment": {}}
    assert environment_diff.forbidding(environment_diff.differences(HERE, other))
    assert environment_diff.forbidding(environment_diff.differences(other, other))


def test_sources_protocol_instruments_and_witnesses_are_named() -> None:
    other = changed("asked", precision=0.01, repeats=9)
    other["sources"]["roots/coin"] = "3" * 64
    other["instruments"] = []
    other["unwatched"] = {"thermal throttling": "not told"}
    assert found(other) == {
        ("source", "roots/coin"),
        ("protocol", "precision"),
        ("instrument", "CPU energy counter"),
        ("state", "thermal throttling"),
    }


def test_profiles_add_boards_and_ceilings() -> None:
    base = {**HERE, "profile": profile()}
    assert found({**HERE, "profile": profile()}, base) == set()
    capped = {**HERE, "profile": profile(gpus=[{"name": "H100", "power_limit_w": 350.0}])}
    assert ("hardware", "gpu0.power_limit_w") in found(capped, base)
    slow = {**HERE, "profile": profile(rate=5e10)}
    assert found(slow, base) == {("hardware", "gemm_cpu_float32")}
    assert found({**HERE, "profile": profile(rate=0.9e11)}, base) == set()


def test_torch_in_a_profile_is_software_there_too() -> None:
    base, other = {**HERE, "profile": profile()}, {**HERE, "profile": profile(torch="2.8.0")}
    assert environment_diff.forbidding(environment_diff.differences(base, other)) == []


def test_a_profile_in_one_run_only_is_said_and_forbids_nothing() -> None:
    assert found({**HERE, "profile": profile()}) == {("state", "profile")}


def test_a_profile_that_is_not_the_machines_gives_no_ceilings() -> None:
    marked = {**HERE, "profile": profile() | {"differs": ["cores (8 then, 4 now)"]}}
    assert "--allow-hardware-mismatch" in str(environment_diff.profile_of(marked))
    assert "cannot be read" in str(environment_diff.profile_of({**HERE, "profile": {"pinned": {}}}))


@pytest.mark.parametrize(
    ("sources", "word"),
    [
        ({}, "same"),
        ({"roots/fixed": "9" * 64}, "same"),
        ({"roots/fixed": "9" * 64, "roots/coin": "9" * 64}, "unknown"),
    ],
)
def test_one_unchanged_method_proves_the_task_the_same(sources: dict[str, str], word: str) -> None:
    assert environment_diff.task_changed("roots", HERE, changed("sources", **sources)) == word


def test_a_tasks_own_digest_decides() -> None:
    base = changed("sources", roots="5" * 64)
    assert (
        environment_diff.task_changed("roots", base, changed("sources", roots="6" * 64))
        == "changed"
    )
    other = changed("sources", roots="5" * 64)
    other["sources"] |= {"roots/fixed": "9" * 64, "roots/coin": "9" * 64}
    assert environment_diff.task_changed("roots", base, other) == "same"


BASE = {**HERE, "base_sha256": "8" * 64}
ALL = {"roots/fixed", "roots/coin"}


def clean(**environment: Any) -> dict[str, Any]:
    return changed("environment", **{"git_commit": "aaaa", "git_dirty": False} | environment)


@pytest.mark.parametrize(
    ("a", "b", "methods"),
    [
        (BASE, BASE, ALL),
        (BASE, {**BASE, "base_sha256": "9" * 64}, set()),
        (BASE, {**BASE, "sources": HERE["sources"] | {"roots/coin": "3" * 64}}, {"roots/fixed"}),
        (BASE, {**changed("environment", torch="2.10.0"), "base_sha256": "8" * 64}, set()),
        (BASE, {**changed("asked", steady_s=2.0), "base_sha256": "8" * 64}, set()),
        (clean(), clean(), ALL),
        (clean(), clean(git_dirty=True), set()),
        (clean(), clean(git_commit="bbbb"), set()),
        (HERE, HERE, set()),
    ],
    ids=["same", "base", "source", "software", "protocol", "clean", "dirty", "commit", "unknown"],
)
def test_a_method_is_unchanged_if_nothing_it_depends_on_differs(
    a: dict[str, Any], b: dict[str, Any], methods: set[str]
) -> None:
    assert environment_diff.unchanged(a, b) == methods


def test_digests_made_in_two_ways_tell_nothing_of_each_other() -> None:
    old = changed("sources", roots="5" * 64)
    new = changed("sources", roots="code-1:" + "5" * 64)
    new["sources"] |= {"roots/fixed": "code-1:" + "1" * 64, "roots/coin": "code-1:" + "2" * 64}
    assert environment_diff.task_changed("roots", old, new) == "unknown"
    assert environment_diff.task_changed("roots", new, new) == "same"
    assert [item for item in environment_diff.differences(old, new) if item.field == "source"] == []
    assert (
        environment_diff.unchanged(
            old | {environment_diff.BASE: "7"}, new | {environment_diff.BASE: "7"}
        )
        == frozenset()
    )


def test_a_digest_is_shown_by_its_first_digits() -> None:
    ours = changed("sources", **{"roots/fixed": "code-1:" + "a" * 64})
    theirs = changed("sources", **{"roots/fixed": "code-1:" + "b" * 64})
    [shown] = [
        item for item in environment_diff.differences(ours, theirs) if item.field == "source"
    ]
    assert (shown.a, shown.b) == ("a" * 12, "b" * 12)
