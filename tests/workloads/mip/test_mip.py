"""Instances are pure, solvers agree with enumeration, parts are what they say, budgets hold."""

import itertools

import numpy as np
import pytest

from adabench.harness import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.task import Meter

pytest.importorskip("pyscipopt", reason="pip install 'adabench[milp]'")
pytest.importorskip("alns", reason="pip install 'adabench[milp]'")

from adabench.workloads.mip.arms import PORTFOLIO, Situation, parsed, step
from adabench.workloads.mip.bounds import bound_of, gap
from adabench.workloads.mip.families import CONTROLS, FAMILIES, FRIENDLY, HOSTILE, generate
from adabench.workloads.mip.program import INFINITY, Program, file_of, make
from adabench.workloads.mip.search import Part, Search
from adabench.workloads.mip.task import load


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path_factory.getbasetemp() / "mip-cache"))


def searched(program: Program, budget_s: float = 20.0) -> Search:
    return Search(program, budget_s, Meter(), program.seed)


def drawn(seed: int) -> Program:
    """A program of eight variables, one continuous, with rows of every kind."""
    rng = np.random.default_rng(seed)
    rows = [(np.arange(8), rng.integers(-4, 5, 8).astype(float)) for _ in range(4)]
    low = np.array([-INFINITY, 1.0, 2.0, -3.0])
    high = np.array([5.0, INFINITY, 6.0, 9.0])
    whole = np.ones(8, bool)
    whole[7] = False
    return make("drawn", rng.integers(-9, 10, 8).astype(float), rows, low, high, whole=whole,
                seed=seed)  # fmt: skip


def enumerated(program: Program) -> float:
    """The best objective over all zeros and ones and a fine grid of the continuous variable."""
    best = np.inf
    for bits in itertools.product((0.0, 1.0), repeat=7):
        x = np.array([*bits, 0.0])
        rest = [program.entry[program.start[i] + 7] for i in range(4)]
        row = [program.entry[program.start[i] : program.start[i + 1]] @ x for i in range(4)]
        low, high = 0.0, 1.0
        for i in range(4):  # each row narrows the last variable's range
            ends = [program.row_low[i] - row[i], program.row_high[i] - row[i]]
            if rest[i] == 0:
                low, high = (low, high) if ends[0] <= 0 <= ends[1] else (1.0, 0.0)
                continue
            a, b = sorted(end / rest[i] for end in ends)
            low, high = max(low, a), min(high, b)
        if low <= high + 1e-9:
            values = [program.objective(np.array([*bits, end])) for end in (low, high)]
            best = min(best, *values)
    return best


def test_both_solvers_find_what_enumeration_finds():
    compared = 0
    for seed in range(12):
        program = drawn(seed)
        truth = enumerated(program)
        ours, theirs = searched(program), searched(program)
        ours.scip()
        theirs.highs()
        for search in (ours, theirs):
            found = search.dated[-1][1] if search.dated else np.inf
            assert found == pytest.approx(truth, abs=1e-6) or (np.isinf(found) and np.isinf(truth))
        compared += np.isfinite(truth)
    assert compared >= 6


def test_families_are_pure_and_of_every_kind():
    assert {*FRIENDLY, *HOSTILE, *CONTROLS} == set(FAMILIES)
    assert HOSTILE
    assert CONTROLS
    for family in FAMILIES:
        one, again, other = (generate(family, "tiny", seed) for seed in (1, 1, 2))
        assert one.digest == again.digest != other.digest
        with pytest.raises(ValueError, match="read-only"):
            one.cost[0] = 3
        path = file_of(one)
        stamp = path.stat().st_mtime_ns
        assert file_of(again) == path
        assert path.stat().st_mtime_ns == stamp  # written once


def test_violation_sees_rows_bounds_and_fractions():
    program = make(
        "p", np.ones(2), [(np.array([0, 1]), np.ones(2))], np.ones(1), np.full(1, INFINITY)
    )
    assert program.violation(np.array([1.0, 0.0])) == 0
    assert program.violation(np.array([0.0, 0.0])) == 1
    assert program.violation(np.array([0.5, 0.5])) == 0.5
    assert program.violation(np.array([2.0, 0.0])) == 1


def test_a_part_is_taken_back():
    program = generate("setcover", "tiny", 3)
    search = searched(program)
    whole = program.objective(search.scip())
    x = search.best
    assert x is not None
    row = np.where(np.round(x) == 1, -1.0, 1.0)
    changed = Part(low=np.round(x), cost=-program.cost, cut=(row, 2.0 - x.sum()), slack_cost=5.0)
    assert search.part(changed, 5) is not None
    again = search.scip()
    assert again is not None
    assert program.objective(again) == pytest.approx(whole)
    assert search.meter["sub_mips"] == 1


@pytest.mark.parametrize("name", [*PORTFOLIO, "dins"])
def test_every_neighbourhood_holds_what_it_fixes(name):
    program = generate("setcover", "tiny", 6)
    search = searched(program)
    relaxed = search.relaxation()
    x = np.ones(len(program.cost))  # feasible and poor
    rng = np.random.default_rng(0)
    asked = []
    original = search.part
    search.part = lambda part, limit, **_: asked.append(part) or original(part, limit)
    found = step(Situation(search, x, relaxed, rng), name)
    kind, percent = parsed(name)
    [*_, part] = asked
    assert found is not None
    assert program.violation(found) <= 1e-6
    if kind == "mutation":
        assert (part.low < part.high).sum() == round(percent / 100 * len(x))
        assert np.array_equal(found[part.low == part.high], x[part.low == part.high])
    if kind == "local_branching":
        assert (found != x).sum() <= percent / 100 * len(x) + 1
    if kind in ("rins", "crossover", "dins", "rens"):
        assert (part.low <= part.high).all()
        assert (found >= part.low - 1e-6).all()
        assert (found <= part.high + 1e-6).all()
    if kind == "proximity":
        assert program.objective(found) < program.objective(x)


def test_no_incumbent_is_handed_to_a_part():
    """A part with another objective starts from nothing: its first solution need not be ours."""
    program = generate("gisp", "tiny", 1)
    search = searched(program)
    search.scip()
    search.part(Part(cost=-program.cost, first=True), 5)
    assert search._opened().getNSols() == 0


@pytest.mark.parametrize(
    "name", ["scip", "highs", "single_arm", "balans", "roulette", "random_arms"]
)
def test_methods_end_in_time_with_a_feasible_answer(name):
    method = registry.load(registry.find(f"mip/{name}"))
    task = load("embedded", 1, seconds=1.0, size="tiny")
    [program] = task.cases()
    values = task.score(program, method.solve(task, program, method.CARD.defaults))
    assert values["solved"] == 1
    assert values["violation"] <= values["tolerance"]
    assert 0 <= values["closeness"] <= 1
    assert 0 < values["primal_integral_s"] < 1
    assert values["objective"] >= bound_of(program) - 1e-6
    if name in ("single_arm", "balans", "roulette", "random_arms"):
        assert values["pulls"] > 0
        assert task.meter["sub_mips"] > 0


def test_a_bandit_learns_what_improves():
    """Rewards are planted: arm 3 alone pays, and Thompson sampling comes to pull it."""
    from alns.Outcome import Outcome
    from alns.select import MABSelector
    from mabwiser.mab import LearningPolicy

    selector = MABSelector([1, 1, 0, 0], 16, 1, LearningPolicy.ThompsonSampling(), seed=0)
    rng, pulled = np.random.default_rng(0), []
    for _ in range(200):
        arm, repair = selector(rng, None, None)
        selector.update(None, arm, repair, Outcome.BEST if arm == 3 else Outcome.REJECT)
        pulled.append(arm)
    assert np.mean(np.array(pulled[-60:]) == 3) > 0.8


def test_what_is_not_the_tasks_own_is_refused():
    task = load("embedded", 1, seconds=0.5, size="tiny")
    [program] = task.cases()
    with pytest.raises(MethodContractError, match="not the task's own search"):
        task.score(program, Search(program, 1.0, Meter(), 0))
    search = task.search(program)
    search.best = np.zeros(len(program.cost))  # covers nothing
    with pytest.raises(MethodContractError, match="off by 1"):
        task.score(program, search.end())
    with pytest.raises(MethodContractError, match="not a case"):
        task.search(generate("gisp", "tiny", 0))


def test_an_unknown_arm_is_a_sentence():
    method = registry.load(registry.find("mip/single_arm"))
    task = load("embedded", 1, seconds=0.5, size="tiny")
    [program] = task.cases()
    with pytest.raises(SelectionError, match="no neighbourhood 'rinse_50'"):
        method.solve(task, program, {"arm": "rinse_50"})
    assert gap(0.0, 0.0) == 0
    assert gap(-110.0, -100.0) == pytest.approx(10 / 110)
