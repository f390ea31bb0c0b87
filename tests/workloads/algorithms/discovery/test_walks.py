"""Policies are read and written alike, mutators keep their types, and what walks find is valid."""

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.discovery.substrate import walk_kernel as kernel
from adabench.workloads.algorithms.discovery.substrate.policy_mutators import MUTATORS, mutate
from adabench.workloads.algorithms.discovery.substrate.sites import PROBLEMS, problem_at, walk_at
from adabench.workloads.algorithms.discovery.substrate.walk_policy import (
    PARTS,
    is_small,
    parse,
)
from adabench.workloads.algorithms.discovery.truth.scoring import valid_value

GOOD = "kick = calm > 50000\nback = False\nheat = {}\nreach = {}"
SEEN = {"since": 7.0, "calm": 3.0, "above": 2.0, "spent": 100.0, "size": 9.0, "chance": 0.25}


def policy_of(**parts: str):
    lines = {"kick": "False", "back": "False", "heat": "0", "reach": "0"} | parts
    return parse("\n".join(f"{name} = {text}" for name, text in lines.items()))


def value_of(policy, part: str) -> float:
    code, ends = policy.code()
    at = list(PARTS).index(part)
    seen = np.array([SEEN[name] for name in kernel.FEATURES])
    begin = 0 if at == 0 else int(ends[at - 1])
    return kernel.read(code, begin, int(ends[at]), seen, np.zeros(kernel.STACK))


@pytest.mark.parametrize(
    "text",
    [
        "1 + 2 * since",
        "min(calm, 2) / max(spent, 1)",
        "3 if calm < since else 4",
        "above - -2",
        "size / 0",
        "7 if not (above > 1 and since < 8) else spent",
    ],
)
def test_a_policy_means_what_python_would_make_of_it(text):
    expected = SEEN["size"] if text == "size / 0" else eval(text, {**SEEN, "min": min, "max": max})
    policy = policy_of(heat=text)
    assert value_of(policy, "heat") == pytest.approx(expected)
    assert parse(str(policy)) == policy


@pytest.mark.parametrize(
    "text",
    [
        "calm > 2 and not back_",
        "1",
        "calm < True",
        "kick",
        "__import__('os')",
        "(lambda: 1)()",
        "1 < 2 < 3",
        "abs(1)",
    ],
)
def test_what_is_no_truth_of_the_language_is_refused(text):
    with pytest.raises(MethodContractError, match="no policy"):
        policy_of(kick=text)


def test_a_policy_that_is_too_large_or_lacks_a_part_is_refused():
    for text in ("heat = 1", "x" * 20_000, "import os", "kick = " + "not " * 300 + "True", "\0"):
        with pytest.raises(MethodContractError, match="no policy"):
            parse(text)
    with pytest.raises(MethodContractError, match="nodes"):
        policy_of(heat=" + ".join(["since"] * 40))


@pytest.mark.parametrize("name", MUTATORS)
def test_mutators_make_small_policies_of_the_right_types(name):
    coins = np.random.default_rng(1)
    policy = seed = parse(PROBLEMS["walk"].seed)
    other = parse(GOOD.format("chance * 2", "0.5"))
    changed = 0
    for step in range(200):
        made = mutate(name, policy, other, coins)
        assert parse(str(made)) == made
        assert is_small(made)
        changed += made != policy
        policy = mutate("wrap", seed, other, coins) if step % 5 == 0 else made
    assert changed > 50


@pytest.mark.parametrize(
    ("problem", "policy", "expected"),
    [
        ("walk", GOOD.format(2, 1), [11.0, 15.0, 23.0]),
        ("sorting", "kick = False\nback = False\nheat = 0.3\nreach = 0", [12.0, 16.0, 19.0]),
    ],
)
def test_walks_reach_the_best_known_and_it_is_verified(problem, policy, expected):
    found = []
    for site in PROBLEMS[problem].sites:
        walks = [walk_at(site, parse(policy), seed, 600_000) for seed in range(6)]
        best = min(walks, key=lambda one: one.value)
        found.append(valid_value(site, best))
        assert all(valid_value(site, one) == one.value for one in walks)
    assert found == expected


def test_circles_and_steps_are_valid_and_get_better():
    cool = parse("kick = False\nback = False\nheat = 0.02 / (1 + spent * 0.0001)\nreach = 0.02")
    (circles,), (steps,) = PROBLEMS["packing"].sites, PROBLEMS["autocorrelation"].sites
    assert valid_value(circles, walk_at(circles, cool, 3, 200_000)) > 2.4
    cool = parse("kick = False\nback = False\nheat = 0.0001\nreach = 0.01")
    assert 1.5 < valid_value(steps, walk_at(steps, cool, 3, 100_000)) < 1.75


def test_a_walk_is_its_seeds_and_keeps_to_its_tries():
    site = problem_at("walk", 0.01).sites[1]
    policy = parse(GOOD.format(2, 0.5))
    one, again, other = (walk_at(site, policy, seed) for seed in (1, 1, 2))
    assert one.tries == site.cap == 1_500
    assert (one.value, one.whole.tolist()) == (again.value, again.whole.tolist())
    assert one.whole.tolist() != other.whole.tolist()


@pytest.mark.parametrize("part", ["heat", "reach"])
@pytest.mark.parametrize(
    "text", ["1000000 * 1000000 * 1000000 * spent * spent", "0 - 1000000000 * spent"]
)
def test_no_number_of_a_policy_breaks_a_construction(part, text):
    for problem in PROBLEMS:
        site = problem_at(problem, 0.02).sites[0]
        walked = walk_at(
            site, policy_of(kick="chance < 0.5", back="chance > 0.9", **{part: text}), 1
        )
        valid_value(site, walked)
