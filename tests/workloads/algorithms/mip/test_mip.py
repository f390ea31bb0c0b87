"""Instances are pure, solvers agree with enumeration, parts are what they say, budgets hold."""

import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from adabench.cli.main import main
from adabench.harness.analysis.claims.verdicts import verdicts
from adabench.harness.contract import registry
from adabench.harness.contract.card import Bound, Level, Rank, SignedRank
from adabench.harness.contract.protocols import Meter
from adabench.harness.contract.record import Cell, Record
from adabench.harness.errors import (
    EnvironmentProblem,
    MethodContractError,
    MissingAbility,
    SelectionError,
)

pytest.importorskip("pyscipopt", reason="pip install 'adabench[milp]'")
pytest.importorskip("alns", reason="pip install 'adabench[milp]'")

from adabench.workloads.algorithms.mip.substrate import budgeted_search as search_module
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Part, Search
from adabench.workloads.algorithms.mip.substrate.instance_families import (
    CONTROLS,
    FAMILIES,
    FRIENDLY,
    HOSTILE,
    generate,
)
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.neighbourhoods import (
    PORTFOLIO,
    Situation,
    parse_arm,
    step,
)
from adabench.workloads.algorithms.mip.substrate.program import INFINITY, Program, file_of, make
from adabench.workloads.algorithms.mip.task import load
from adabench.workloads.algorithms.mip.truth import known_bounds
from adabench.workloads.algorithms.mip.truth.known_bounds import bound_of, gap
from tests.suite.leaks import same_handlers


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path_factory.getbasetemp() / "mip-cache"))


def searched(program: Program, budget_s: float = 20.0) -> Search:
    return Search(program, budget_s, Meter(), program.seed)


def tiny(seconds: float, seed: int = 1, **conditions) -> tuple[Mip, Program]:
    """The smoke run's task and its only instance, a small one."""
    task = load("embedded", seed, seconds=seconds, size="tiny", **conditions)
    return task, task.cases()[0]


class Ticks:
    """A clock that moves only when it is told to, or by `step` seconds at each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clocks(monkeypatch):
    """The wall's and the processor's clock of a search, in place of the machine's."""
    wall, processor = Ticks(), Ticks()
    monkeypatch.setattr(search_module, "perf_counter", wall)
    monkeypatch.setattr(search_module, "times", lambda: SimpleNamespace(user=processor()))
    return SimpleNamespace(wall=wall, processor=processor)


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
    kind, percent = parse_arm(name)
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
def test_methods_end_in_time_with_a_feasible_answer(name, clocks):
    """On clocks that move by 10 ms at each look, so that a second is a number of looks."""
    clocks.wall.step = clocks.processor.step = 0.01
    method = registry.load(registry.find(f"mip/{name}"))
    how = {} if name == "highs" else {"clock": "cpu"}
    task, program = tiny(1.0, **how)
    answer = method.solve(task, program, method.CARD.defaults)
    values = task.score(program, answer)
    assert 0 < answer.ended_s <= 1.0
    assert values["overrun"] == 0
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
    task, program = tiny(0.5)
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
    task, program = tiny(0.5)
    with pytest.raises(SelectionError, match="no neighbourhood 'rinse_50'"):
        method.solve(task, program, {"arm": "rinse_50"})
    assert gap(0.0, 0.0) == 0
    assert gap(-110.0, -100.0) == pytest.approx(10 / 110)


@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_a_search_whose_clock_did_not_move_has_ended(clock, clocks):
    task, program = tiny(1.0, clock=clock)
    search = task.search(program)
    search.offer(np.ones(len(program.cost)))
    with pytest.raises(MethodContractError, match="ended"):
        task.score(program, search)
    assert search.end().ended_s == 0.0
    assert task.score(program, search)["solved"] == 1


def test_a_slack_that_costs_nothing_is_a_slack():
    """No x holds a sum of at most -1; with a slack in its row every one does."""
    program = generate("setcover", "tiny", 3)
    row = (np.ones(len(program.cost)), -1.0)
    search = searched(program)
    assert search.part(Part(cost=program.cost, cut=row), 5) is None
    assert search.part(Part(cost=program.cost, cut=row, slack_cost=0.0), 5) is not None


@pytest.mark.parametrize("name", ["balans", "roulette", "random_arms", "single_arm"])
@pytest.mark.parametrize(
    ("budget", "start", "longest", "pulls"),
    [(60.0, 15.0, 6.0, range(8, 24)), (3600.0, 20.0, 150.0, range(24, 70))],
)
def test_the_first_solve_is_inside_the_budget_and_parts_are_shares_of_it(
    name, budget, start, longest, pulls, clocks, monkeypatch
):
    """With solves that take just what they may: 15 s of 60 for the start, then parts of 4 or 6 s.

    With an hour the limits are the paper's: 20 s, then 60 or 150 s.
    """
    limits = []

    def part(self, part, limit_s, *, whole=False):
        limit_s = min(limit_s, self.left_s)
        if limit_s < search_module.LEAST_S:
            return None
        limits.append(limit_s)
        clocks.wall.now += limit_s
        clocks.processor.now += limit_s
        x = np.ones(len(self.program.cost))
        self.offer(x)
        return x

    monkeypatch.setattr(Search, "part", part)
    method = registry.load(registry.find(f"mip/{name}"))
    task, program = tiny(budget, seed=3)
    answer = method.solve(task, program, method.CARD.defaults)
    assert limits[0] == start
    assert max(limits[1:]) <= longest
    assert sum(limits) <= budget
    assert answer.ended_s <= budget
    assert len(answer.pulls) in pulls
    assert task.score(program, answer)["overrun"] == 0


def test_a_late_end_is_charged(clocks):
    task, program = tiny(10.0, seed=3)
    search = task.search(program)
    search.offer(np.ones(len(program.cost)))
    clocks.wall.now += 10.5
    clocks.processor.now += 10.5
    values = task.score(program, search.end())
    assert values["overrun"] == pytest.approx(0.5)
    assert values["overrun"] > values["allowed"]


def test_all_solvers_have_one_thread_and_scip_its_own_heuristics():
    from pyscipopt import Model

    from adabench.workloads.algorithms.mip.substrate.program import highs

    program = generate("setcover", "tiny", 2)
    search, plain = searched(program), Model()
    watched = ("heuristics/alns/freq", "heuristics/rins/freq", "heuristics/crossover/freq")
    search.part(Part(cost=np.ones(len(program.cost)), first=True), 5)  # heuristics off in it
    search.scip()
    model = search._opened()
    assert [model.getParam(name) for name in watched] == [plain.getParam(name) for name in watched]
    assert model.getParam("limits/solutions") == -1
    assert model.getParam("lp/threads") <= 1
    assert highs(file_of(program)).getOptionValue("threads")[1] == 1


def test_the_best_in_hindsight_is_the_best_and_not_the_worst():
    task, program = tiny(2.0)

    def offering(x):
        def attempt(search):
            search.offer(x)
            return search.end()

        return attempt

    every, cover = np.ones(len(program.cost)), searched(program).scip()
    best = task.best_of(program, [offering(every), offering(cover), offering(every)])
    assert task.score(program, best)["objective"] == pytest.approx(program.objective(cover))


@pytest.mark.parametrize("family", ["auction", "gisp", "independent"])
def test_what_is_maximised_is_negative_and_more_of_it_is_better(family):
    program = generate(family, "tiny", 4)
    search = searched(program)
    x = search.scip()
    assert program.objective(x) < 0
    assert bound_of(program) <= program.objective(x) + 1e-6
    poorer = np.zeros(len(x))
    assert program.violation(poorer) == 0
    assert program.objective(poorer) > program.objective(x)


def test_the_gap_to_the_best_known_is_zero_for_who_finds_better(monkeypatch):
    task, program = tiny(1.0)
    x = searched(program).scip()
    objective = program.objective(x)
    for best, expected in ((objective, 0.0), (objective + 5, 0.0), (objective / 2, 0.5)):
        monkeypatch.setattr(
            known_bounds, "known_values", lambda best=best: {program.digest: {"objective": best}}
        )
        search = task.search(program)
        search.offer(x)
        assert task.score(program, search.end())["primal_gap"] == pytest.approx(expected)


def test_what_is_known_is_of_the_instances_that_are_generated():
    entries = known_bounds.known_values()
    named = {(entry["family"], entry["seed"]) for entry in entries.values()}
    assert named >= {(family, seed) for family in FAMILIES for seed in (0, 1)}
    for digest, entry in entries.items():
        assert generate(entry["family"], "full", entry["seed"]).digest == digest
        assert entry["dual_bound"] <= entry["objective"] + 1e-6
        assert entry["seconds"] >= 30


def test_the_grid_has_an_instance_of_every_family_a_seed():
    groups = [program.group for program in load("embedded", 0, suite="grid", size="tiny").programs]
    assert groups == list(FAMILIES)


@pytest.mark.parametrize(
    "setting",
    ["seconds=0", "seconds=-1", "seconds=nan", "seconds=inf", "pulls=-1", "pulls=1.5", "size=huge",
     "suite=some"],
)  # fmt: skip
def test_conditions_that_make_no_sense_are_refused_and_leave_no_run(
    setting, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["adabench", "run", "mip/scip", "--set", setting])
    with same_handlers(), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("seed", [0, 1, 100])
def test_the_negative_control_is_solved_by_scip_alone(seed):
    """Nothing is left for a neighbourhood to find: a win there would be noise."""
    program = generate("independent", "full", seed)
    search = Search(program, 300.0, Meter(), program.seed, clock="cpu")
    search.scip()
    assert search.end().meter["nodes"] <= 1  # solved at the root, by presolve and cuts
    if program.digest in known_bounds.known_values():
        entry = known_bounds.known_values()[program.digest]
        assert entry["objective"] == entry["dual_bound"] == search.dated[-1][1]


def test_what_a_grid_must_show_is_claimed_with_its_thresholds():
    """Gates, Wilcoxon, ranks and learning: what a ratio of objectives cannot say."""
    claims = {claim.id: claim.expect for claim in registry.find("mip/balans").card.claims}
    both = {"suite": ("smoke", "grid"), "clock": ("wall", "cpu")}
    assert claims["BL-learnable"] == Level("improving", 0.3, above=0.3, reaching=3.0, where=both)
    assert claims["BL-1-wilcoxon"] == SignedRank("closeness", "scip", least=10, where=both)
    assert claims["BL-1-long"] == SignedRank("closeness", "scip", where={**both, "seconds": 600.0})
    rivals = ("single_arm", "random_arms")
    assert claims["BL-2-rank"] == Rank("objective", rivals, low=0.0, where=both)
    assert claims["BL-learns"] == Level("learning", 0.3, above=0.0, where=both)


def test_the_headlines_are_held_to_the_paper_s_hour_and_to_all_arms():
    claims = {claim.id: claim for claim in registry.find("mip/balans").card.claims}
    hour = {"suite": "grid", "clock": ("wall", "cpu"), "seconds": 3600.0}
    assert claims["BL-1"].expect == SignedRank("closeness", "scip", where=hour)
    assert claims["BL-2"].expect == SignedRank("closeness", "best_arm", where={**hour, "arms": 16})
    assert {claim.id for claim in claims.values() if claim.published} == {
        "BL-1", "BL-2", "BL-online",
    }  # fmt: skip


def test_every_method_with_one_budget_is_held_to_it():
    """The oracle alone spends several: it is charged for the one that it answers with."""
    for entry in registry.methods("mip").values():
        gates = [
            c.expect for c in entry.card.claims if c.id == f"BL-time-{entry.name.replace('_', '-')}"
        ]
        assert gates == ([] if entry.card.role == "oracle" else [Bound("overrun", "allowed")])


def record_of(method, seed, arm="", suite="smoke", case=0, **values):
    point = {"arm": arm} if arm else {}
    cell = Cell("mip", method, point, {"suite": suite}, "embedded", seed)
    return Record(cell, "solve", case, 0, "ok", values, "", "gisp" if case else "setcover")


def test_negative_objectives_are_ranked_and_their_gaps_tested():
    """Ten instances, half of them maximised; Balans is second of six in each, SCIP is behind."""
    names = registry.find("mip/single_arm").card.knob("arm").values
    order = {("scip", ""): 8, ("balans", ""): 2, ("random_arms", ""): 3}
    order |= {("single_arm", arm): at for arm, at in zip(names, (1, 4, 5, 7), strict=True)}
    records = [
        record_of(method, seed, arm, "grid", case, objective=100.0 * at - 1000.0 * case,
                  closeness=1 - at / 100, improving=4.0 - seed, learning=0.4 + 0.01 * seed)
        for seed in range(5) for case in (0, 1) for (method, arm), at in order.items()
    ]  # fmt: skip
    cards = {f"mip/{name}": registry.find(f"mip/{name}").card for name, _ in order}
    found = verdicts(records, {"mip": registry.find("mip").card}, cards)
    rows = {row.id: row for row in found if row.method == "balans"}
    assert rows["BL-2-rank"].estimate == 1.0
    assert "mean rank 2 of 6" in rows["BL-2-rank"].reason
    assert (rows["BL-1-wilcoxon"].verdict, rows["BL-1-wilcoxon"].n) == ("reproduced", 10)
    assert rows["BL-learnable"].estimate == 0.4
    assert rows["BL-learns"].verdict == "reproduced"
    assert rows["BL-1-long"].verdict == rows["BL-1"].verdict == "not run"


def test_a_budget_of_the_wall_that_was_waited_for_is_refused(clocks):
    def waited(task):
        search = task.search(task.programs[0])
        search.scip(0.2)
        clocks.wall.now += 1.0  # of which somebody else had the processor for all but
        clocks.processor.now += 0.1
        return search.end()

    task = load("embedded", 0, seconds=1.0, size="tiny")
    with pytest.raises(EnvironmentProblem, match="of its 1 s") as refused:
        task.score(task.programs[0], waited(task))
    assert "clock=cpu" in refused.value.hint
    counted = load("embedded", 0, seconds=1.0, size="tiny", pulls=5)
    values = counted.score(counted.programs[0], waited(counted))
    assert values["search_cpu_s"] == pytest.approx(0.1)


def test_a_pause_takes_nothing_of_a_budget_of_the_processor(clocks):
    task = load("embedded", 0, seconds=1.0, size="tiny", clock="cpu")
    program = task.programs[0]
    search = task.search(program)
    clocks.wall.now += 1.5
    assert search.left_s > 0.9
    search.scip()
    model = search._opened()
    assert model.getParam("timing/clocktype") == 1  # SCIP's own limit is of the processor too
    assert model.getParam("limits/time") == pytest.approx(search.left_s)
    clocks.processor.now += 0.9
    search.end()
    assert search.ended_s == pytest.approx(0.9)  # the pause of 1.5 s is not in it
    assert search.waited_s == pytest.approx(1.5)
    assert task.score(program, search)["solved"] == 1
    with pytest.raises(MissingAbility, match="no processor clock"):
        task.search(program).highs()
