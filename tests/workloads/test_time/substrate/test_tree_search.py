"""Searches on a tiny random model: what is expanded, what is held, what it costs, who may know."""

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.contract.card import Point
from adabench.workloads.shared.language_model import search_session as session
from adabench.workloads.shared.language_model.contract import EOS, Seq
from adabench.workloads.shared.language_model.domain import Domain, Question
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Head, Judge
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import IDS
from adabench.workloads.test_time.chain.substrate.domain import SPLITS
from adabench.workloads.test_time.chain.substrate.problems import Problem
from adabench.workloads.test_time.chain.truth.worked_solutions import Answers
from adabench.workloads.test_time.methods import beam, dvts, random_n, rebase
from adabench.workloads.test_time.methods.ets import integer_program
from adabench.workloads.test_time.substrate import tree_search as searching
from adabench.workloads.test_time.substrate.question_task import GradedTask
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.tree_search import Allocation, Node, Tree

SHAPE = Shape(1, 16, 2, 32)
ets, ets_kv = (registry.load(registry.find(f"chain/{name}")) for name in ("ets", "ets_kv"))
SEARCHES = {"rebase": rebase, "beam": beam, "dvts": dvts, "ets": ets, "ets_kv": ets_kv}
USUAL = ("<bos>", "<eos>", ";", "=", "+", "*", ">", "0", "1", "2", "3", "4", "5", "6", "7", "8")
PROBLEMS = tuple(Problem(first, (("+", 11), ("*", 12), ("-", 7))) for first in range(6))


def model(seed: int) -> LanguageModel:
    """A random model that says the usual words: they share a direction, the others oppose it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = LanguageModel(SHAPE).eval().requires_grad_(False)
        weight = 0.5 * torch.randn(SHAPE.vocabulary, SHAPE.width)
        weight[:, 0] = -2.0
        weight[[IDS[word] for word in USUAL], 0] = 2.0
        made.embedding.weight.copy_(weight)
    return made


def chain(*, block: int = 4, budget: int | None = None, domain: Domain = SPLITS) -> GradedTask:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        head = Head(SHAPE.width)
        head.outer.weight.data *= 20  # scores from near 0 to near 1
    judge = Judge(NativeEngine(model(1), "judge", role="judge"), head)
    models = Models(NativeEngine(model(0), "policy", block=block), judge)
    questions = tuple(
        Question(index, problem.prompt, f"d{len(problem.operations)}")
        for index, problem in enumerate(PROBLEMS)
    )
    return GradedTask(
        3, domain, lambda: models, budget, questions=questions, grader=Answers(PROBLEMS)
    )


def solved(
    task: GradedTask, method: ModuleType, **knobs: float | str
) -> tuple[list[tuple[int, ...]], dict[str, float]]:
    """Solve every question; return completions and costs."""
    point = {**method.CARD.defaults, **knobs}
    task.meter.clear()
    answers = [method.solve(task, question, point) for question in task.cases()]
    return answers, {name: float(value) for name, value in task.meter.items()}


def untimed(costs: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in costs.items() if not name.endswith("_s")}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tree, list[Node], list[int]]]:
    """Every allocation that is made: the tree, its leaves then, and the counts."""
    seen: list[tuple[Tree, list[Node], list[int]]] = []
    original = searching._selected

    def spy(session: Session, tree: Tree, allocate: Allocation) -> tuple[list[Node], list[int]]:
        def noted(tree: Tree) -> Sequence[int]:
            counts = list(allocate(tree))
            seen.append((tree, list(tree.leaves), counts))
            return counts

        return original(session, tree, noted)

    monkeypatch.setattr(searching, "_selected", spy)
    return seen


def test_the_model_makes_trees_worth_searching(
    watched: list[tuple[Tree, list[Node], list[int]]],
) -> None:
    solved(chain(), rebase)
    assert max(tree.depth for tree, _, _ in watched) > 4
    assert any(len({leaf.reward for leaf in leaves}) > 3 for _, leaves, _ in watched)
    kinds = Counter(leaf.words[-1] for _, leaves, _ in watched for leaf in leaves)
    assert kinds[IDS[";"]] > kinds.total() / 2


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("width", [1, 4, 10, 16])
def test_the_full_width_is_expanded_at_every_depth_by_everybody(
    name: str, width: int, watched: list[tuple[Tree, list[Node], list[int]]]
) -> None:
    solved(chain(), SEARCHES[name], N=width)
    assert watched or width == 1
    ended: Counter[int] = Counter()
    for tree, leaves, counts in watched:
        # All that were expanded at the last depth ended or are leaves; the leaves' number is W.
        assert sum(counts) == len(leaves) <= width
        assert not any(leaf.seq.finished for leaf in leaves)
        ended[id(tree)] = len(tree.ended)
    assert all(count == width for count in ended.values())


def test_ets_prunes_and_still_expands_the_full_width(
    watched: list[tuple[Tree, list[Node], list[int]]],
) -> None:
    solved(chain(), ets, lambda_c=4.0, lambda_s=0.0)
    pruned = [count for _, leaves, count in watched if len(leaves) == 16]
    assert all(sum(counts) == 16 for counts in pruned)
    kept = np.mean([sum(count > 0 for count in counts) for counts in pruned])
    watched.clear()
    solved(chain(), rebase)
    usual = [count for _, leaves, count in watched if len(leaves) == 16]
    assert kept < 0.5 * np.mean([sum(count > 0 for count in counts) for counts in usual])


def test_a_finished_node_takes_one_from_the_width_and_is_never_expanded(
    watched: list[tuple[Tree, list[Node], list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    forked: list[Seq] = []
    original = Session.fork

    def fork(session: Session, seq: Seq, n: int) -> list[Seq]:
        forked.append(seq)
        return original(session, seq, n)

    monkeypatch.setattr(Session, "fork", fork)
    solved(chain(), rebase, N=16)
    assert any(len(leaves) < 16 for _, leaves, _ in watched)
    trees = {id(tree): tree for tree, _, _ in watched}.values()
    for tree in trees:
        assert len(tree.ended) == 16
        assert tree.width == 0
        ends = {id(node.seq) for node in tree.ended}
        assert not ends & {id(seq) for seq in forked}
    assert any(node.seq.ids[-1] == EOS for tree in trees for node in tree.ended)
    assert all(seq.ids[-1] != EOS for seq in forked)


@pytest.mark.parametrize("name", ["rebase", "ets"])
def test_what_is_weighed_is_what_a_recount_of_the_lineage_gives(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Blocks of one position: nothing is copied, so the cache holds each position once.
    held = weighings(chain(block=1), SEARCHES[name], monkeypatch)
    assert len(held) > 20
    assert all(weighed == distinct for weighed, distinct, _ in held)
    monkeypatch.undo()
    # Blocks of four: whoever writes first into a shared, partly filled block copies it.
    held = weighings(chain(block=4), SEARCHES[name], monkeypatch)
    assert all(distinct <= weighed <= distinct + 3 * spans for weighed, distinct, spans in held)
    assert any(weighed > distinct for weighed, distinct, _ in held)


def weighings(
    task: GradedTask, method: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[int, int, int]]:
    """Return, at each weighing: tokens held, distinct lineage positions, distinct spans."""
    alive: dict[int, Seq] = {}
    found: list[tuple[int, int, int]] = []
    calls = {name: getattr(Session, name) for name in ("open", "fork", "close", "weigh")}

    def opened(session: Session) -> Seq:
        seq: Seq = calls["open"](session)
        alive.clear()
        alive[id(seq)] = seq
        return seq

    def fork(session: Session, seq: Seq, n: int) -> list[Seq]:
        children: list[Seq] = calls["fork"](session, seq, n)
        alive.update({id(child): child for child in children})
        return children

    def close(session: Session, seqs: Sequence[Seq]) -> None:
        calls["close"](session, seqs)
        for seq in seqs:
            del alive[id(seq)]

    def weigh(session: Session, when: str) -> None:
        calls["weigh"](session, when)
        spans = lineage(list(alive.values()))
        found.append((session.policy.held().tokens, sum(spans.values()), len(spans)))

    for name, spy in (("open", opened), ("fork", fork), ("close", close), ("weigh", weigh)):
        monkeypatch.setattr(Session, name, spy)
    _, costs = solved(task, method)
    # `kv_before` of a case is the mean over its depths, so their sum lies within the extremes.
    assert 6 * min(f[0] for f in found) <= costs["kv_before"] <= 6 * max(f[0] for f in found)
    assert costs["kv_after"] <= costs["kv_before"]
    return found


def lineage(seqs: list[Seq]) -> dict[int, int]:
    """Return the length of every span that a sequence or an ancestor of one added."""
    spans: dict[int, int] = {}
    for seq in seqs:
        node: Seq | None = seq
        while node is not None:
            before = len(node.parent.ids) if node.parent else 0
            spans[id(node)] = len(node.ids) - before
            node = node.parent
    return spans


def test_without_a_price_on_the_cache_ets_is_rebase_to_the_bit() -> None:
    task = chain()
    answers, costs = solved(task, rebase)
    for method, knobs in (
        (ets, {"lambda_c": 0.0, "lambda_s": 0.0}),
        (ets, {"lambda_c": 0.0, "lambda_s": 1.5}),
        (ets_kv, {"lambda_c": 0.0}),
    ):
        same, own = solved(task, method, **knobs)
        assert same == answers
        assert untimed(own) == untimed(costs)
    _, own = solved(task, ets, lambda_c=4.0, lambda_s=0.0)
    assert untimed(own) != untimed(costs)
    assert own["kv_before"] < costs["kv_before"]


def test_the_ablation_is_ets_without_coverage() -> None:
    task = chain()
    assert untimed(solved(task, ets, lambda_s=0.0)[1]) == untimed(solved(task, ets_kv)[1])


def test_both_solvers_and_both_costs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    task, programs = chain(), []
    plain = integer_program.milp
    monkeypatch.setattr(
        integer_program, "milp", lambda *a, **k: programs.append(1) or plain(*a, **k)
    )
    _, exact = solved(task, ets, solver="tree", lambda_s=0.0)
    assert not programs
    solved(task, ets, solver="milp", lambda_s=0.0)
    assert programs
    _, tokens = solved(task, ets, cost="tokens", lambda_s=0.0)
    assert untimed(tokens) != untimed(exact)


@pytest.mark.parametrize("name", [*SEARCHES, "random_n"])
def test_it_is_the_same_twice_and_in_any_order(name: str) -> None:
    task, method = chain(), {**SEARCHES, "random_n": random_n}[name]
    point: Point = method.CARD.defaults
    forward = [method.solve(task, question, point) for question in task.cases()]
    backward = [method.solve(task, question, point) for question in [*task.cases()][::-1]]
    assert forward == backward[::-1]


def test_the_first_children_are_the_same_for_every_search(
    watched: list[tuple[Tree, list[Node], list[int]]],
) -> None:
    firsts = {}
    for name, method in SEARCHES.items():
        watched.clear()
        solved(chain(), method)
        firsts[name] = [leaf.words for leaf in watched[0][1]]
    assert len({tuple(words) for words in firsts.values()}) == 1


def test_the_solver_is_timed_inside_the_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that only allocating moves, by 10 ms each time."""
    task, slow, now = chain(), ets.prune, 7.0

    def pruned(prices: object) -> Allocation:
        allocate = slow(prices)  # type: ignore[arg-type]

        def late(tree: Tree) -> Sequence[int]:
            nonlocal now
            now += 0.01
            return allocate(tree)

        return late

    monkeypatch.setattr(session, "perf_counter", lambda: now)
    assert solved(task, ets)[1]["aux_s"] == 0.0
    monkeypatch.setattr(ets, "prune", pruned)
    began = now
    assert solved(task, ets)[1]["aux_s"] == pytest.approx(now - began)
    assert now - began >= 0.1


def test_a_spent_budget_returns_what_was_offered_last(monkeypatch: pytest.MonkeyPatch) -> None:
    offers: list[tuple[int, ...]] = []
    original = Session.offer

    def offer(session: Session, completion: Sequence[int]) -> None:
        offers.append(tuple(completion))
        original(session, completion)

    monkeypatch.setattr(Session, "offer", offer)
    question = Question(0, PROBLEMS[0].prompt, "d3")
    full = chain()
    rebase.solve(full, question, rebase.CARD.defaults)
    budget = int(0.7 * full.meter["generated"])
    short = chain(budget=budget)
    complete, offers[:] = list(offers), []
    answer = rebase.solve(short, question, rebase.CARD.defaults)
    # The engine stops before the decoding step that it could not pay in full.
    assert budget - 16 < short.meter["generated"] <= budget
    assert answer == offers[-1] != ()
    assert offers == complete[: len(offers)]
    assert len(offers) < len(complete)
    tiny = chain(budget=3)
    assert rebase.solve(tiny, question, rebase.CARD.defaults) == ()


def test_depth_and_length_are_capped(
    watched: list[tuple[Tree, list[Node], list[int]]],
) -> None:
    assert SPLITS.deepest > 3 * 6 + 1
    solved(chain(), rebase)
    ended = [node for tree, _, _ in watched for node in tree.ended]
    room = 3 * 9 * 3 + 1
    # A step that begins within the room may end beyond it.
    assert max(len(node.seq.completion) for node in ended) < room + SPLITS.step_room
    assert any(not node.seq.finished for node in ended), "some are cut"
    watched.clear()
    answers, _ = solved(chain(domain=replace(SPLITS, deepest=3)), rebase)
    assert max(tree.depth for tree, _, _ in watched) == 3
    assert all(answers)


def test_everything_is_closed_at_the_end() -> None:
    task = chain()
    for method in (rebase, ets):
        solved(task, method)
        assert task.models.policy.blocks.used == 0
        assert task.models.judge is not None
        assert task.models.judge._readings == {}


def test_no_method_can_see_an_answer() -> None:
    prompts = {"prompt", "bare"}
    assert {field.name for field in fields(Question)} == {"index", "group"} | prompts
    substrate = Path(searching.__file__).parent
    parts = ("tree_search", "allocation", "step_clusters", "voting")
    own = [substrate / f"{name}.py" for name in parts]
    own += [Path(method.__file__) for method in (*SEARCHES.values(), random_n, integer_program)]
    for path in own:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {
            alias.name
            for node in ast.walk(tree)
            for alias in getattr(node, "names", ())
            if isinstance(alias, ast.alias)
        }
        assert not used & {"truth", "apply", "trace", "credit", "grader", "score"}, path.name
