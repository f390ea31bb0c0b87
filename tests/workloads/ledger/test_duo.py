"""Duo-LLM: gathered equals masked, everything that runs is counted, and no oracle wins unseen."""

import copy
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness import registry
from adabench.harness.card import Point
from adabench.workloads.ledger import (
    checkpoint,
    duo_best_of_n,
    duo_judging,
    duo_oracle,
    duo_recipes,
    duo_scoring,
    duo_study,
    duo_training,
    training,
    units,
)
from adabench.workloads.ledger import duo_modules as duos
from adabench.workloads.ledger.data import EQUAL, Corpus, Labels, draw
from adabench.workloads.ledger.duo_modules import BIG, OPTIONS, SKIP, SMALL, Duo, Routers
from adabench.workloads.ledger.duo_recipes import RandomlyRouted, Routing
from adabench.workloads.ledger.engine import Answer
from adabench.workloads.ledger.model import Shape
from adabench.workloads.ledger.recipes import recipes
from adabench.workloads.ledger.task import Ledger, load
from adabench.workloads.ledger.work import Work

TINY = Shape(layers=3, width=16, heads=2)
SEQUENCES, TOKENS = 5, 24
METHODS = ("duo_llm", "static_duo", "random_duo", "duo_oracle", "duo_segments", "duo_best_of_n")


@pytest.fixture(scope="module")
def duo() -> Duo:
    """Modules large enough to matter; an untrained block hardly adds anything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = duos.fresh(TINY)
    for index in range(TINY.layers):
        layer, small = made.model.layer(index), made.sides.at(index)
        for module in (layer.out, layer.down, small.down):
            module.weight.data *= 12
    return duo_training.frozen(made)


@pytest.fixture(scope="module")
def routers() -> Routers:
    """Routers that disagree from position to position, as trained ones do."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = Routers(TINY)
    for index in range(TINY.layers):
        made.at(index).weight.data *= 6
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    """Streams of the task, so that there are segments."""
    corpus = draw(np.random.Generator(np.random.PCG64(1)), SEQUENCES, tokens=TOKENS)
    return torch.from_numpy(np.ascontiguousarray(corpus.inputs))


def masked(duo: Duo, routers: Routers, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Run every module and mask by the routers; return logits and options [layers, B, T]."""
    chosen = []

    def weigh(index: int, rows: Tensor) -> Tensor:
        chosen.append(routers.at(index)(rows).argmax(-1))
        return F.one_hot(chosen[-1], OPTIONS).float()

    with torch.no_grad():
        states = duo_training.mixed(duo, tokens, weigh)
        return duo.model.head(duo.model.norm(states)), torch.stack(chosen)


def test_gathered_is_masked(duo: Duo, routers: Routers, tokens: Tensor) -> None:
    logits, chosen = masked(duo, routers, tokens)
    assert all(len(layer.unique()) == OPTIONS for layer in chosen)
    ours = duos.prefill_duo(duo, tokens, duos.routed(routers), tile=2)
    torch.testing.assert_close(ours.logits, logits, atol=1e-5, rtol=0)
    cost = torch.tensor(duos.COST)
    assert torch.equal(ours.executions(), (0.5 + cost[chosen] / 2).sum(0))


def test_big_everywhere_is_the_plain_backbone(duo: Duo, tokens: Tensor) -> None:
    whole = units.prefill_units(duo.model, tokens, units.all_units, tile=2)
    ours = duos.prefill_duo(duo, tokens, duos.pattern((BIG,) * TINY.layers), tile=2)
    torch.testing.assert_close(ours.logits, whole.logits, atol=1e-5, rtol=0)
    assert torch.equal(ours.executions(), whole.executions())
    assert [w.flops for _, w in ours.works] == [w.flops for _, w in whole.works]


@pytest.mark.parametrize("prompt", [1, 7])
def test_decode_after_prefill_is_one_whole_forward(
    duo: Duo, routers: Routers, tokens: Tensor, prompt: int
) -> None:
    choose = duos.routed(routers)
    whole = duos.prefill_duo(duo, tokens, choose, tile=2)
    stepped = duos.decode_duo(duo, tokens, choose, batch=3, prompt=prompt)
    torch.testing.assert_close(stepped.logits, whole.logits, atol=1e-4, rtol=0)
    assert torch.equal(stepped.executions(), whole.executions())
    entries = sum(work.kv_entries for _, work in stepped.works)
    assert entries == SEQUENCES * TOKENS * TINY.layers


def test_a_later_token_changes_no_earlier_logit(duo: Duo, routers: Routers, tokens: Tensor) -> None:
    before = duos.prefill_duo(duo, tokens, duos.routed(routers), tile=8).logits
    changed = tokens.clone()
    changed[:, 15] = (changed[:, 15] + 5) % 48
    after = duos.prefill_duo(duo, changed, duos.routed(routers), tile=8).logits
    torch.testing.assert_close(after[:, :15], before[:, :15], atol=1e-5, rtol=0)
    assert not torch.allclose(after[:, 15:], before[:, 15:], atol=1e-3)


def test_a_router_reads_its_own_position_alone(routers: Routers) -> None:
    x = torch.randn(6, TINY.width, generator=torch.Generator().manual_seed(2))
    changed = x.clone()
    changed[:5] += 1.0
    choose = duos.routed(routers)
    for layer in range(TINY.layers):
        assert choose(layer, x, Work())[5] == choose(layer, changed, Work())[5]


def test_executions_are_what_hooks_on_the_modules_see(
    duo: Duo, routers: Routers, tokens: Tensor
) -> None:
    made, rows = copy.deepcopy(duo), dict.fromkeys(("big", "small"), 0)

    def count(name: str) -> Any:
        return lambda _, given, __: rows.__setitem__(name, rows[name] + len(given[0]))

    for index in range(TINY.layers):
        made.model.layer(index).up.register_forward_hook(count("big"))
        made.sides.at(index).down.register_forward_hook(count("small"))
    answer = duos.prefill_duo(made, tokens, duos.routed(routers), tile=2)
    attention = TINY.layers / 2 * tokens.numel()
    total = attention + rows["big"] / 2 + rows["small"] / 16
    assert total == pytest.approx(float(answer.executions().double().sum()))
    shares = duos.shares(answer, TINY.layers, tokens.numel()) * tokens.numel()
    assert float(shares[:, BIG].sum()) == pytest.approx(rows["big"])
    assert float(shares[:, SMALL].sum()) == pytest.approx(rows["small"])
    assert 0 < rows["big"] < TINY.layers * tokens.numel()
    assert float(shares.sum()) == pytest.approx(TINY.layers * tokens.numel())


@pytest.mark.parametrize("options", [None, (BIG, SKIP, SMALL), (SKIP,) * 3])
def test_operations_are_what_torch_counts(
    duo: Duo, routers: Routers, tokens: Tensor, options: tuple[int, ...] | None
) -> None:
    """With routers (None), whose own products are in the count, and along patterns."""
    choose = duos.routed(routers) if options is None else duos.pattern(options)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        answer = duos.prefill_duo(duo, tokens, choose, tile=2)
    assert sum(work.flops for _, work in answer.works) == counter.get_total_flops()


def test_a_skip_runs_nothing(duo: Duo, tokens: Tensor) -> None:
    made = copy.deepcopy(duo)

    def fail(*_: object) -> None:
        raise AssertionError("it was called")

    for module in (made.model.layer(1).up, made.sides.at(1).up):
        module.register_forward_pre_hook(fail)
    duos.prefill_duo(made, tokens, duos.pattern((BIG, SKIP, SMALL)), tile=2)
    for option in (SMALL, BIG):
        with pytest.raises(AssertionError, match="was called"):
            duos.prefill_duo(made, tokens, duos.pattern((BIG, option, SMALL)), tile=2)


# Stage 1: every path is trained, or routers and their rivals are straw men.


def test_stage_one_draws_each_option_alike_for_every_position_and_layer(tokens: Tensor) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = duo_training.drawn(6, torch.zeros(64, 64))
    for layer in drawn:
        counts = torch.bincount(layer.flatten(), minlength=OPTIONS) / layer.numel()
        torch.testing.assert_close(counts, torch.full((OPTIONS,), 1 / 3), atol=0.03, rtol=0)
    assert float((drawn[0] == drawn[1]).double().mean()) == pytest.approx(1 / 3, abs=0.03)
    assert float((drawn[0, 0] == drawn[0, 1]).double().mean()) < 0.6


def test_what_stage_one_trains_is_what_runs(duo: Duo, tokens: Tensor) -> None:
    options = torch.randint(0, 3, (3, *tokens.shape), generator=torch.Generator().manual_seed(5))
    logits = duo.model.head(duo.model.norm(duos.batched(duo, tokens, options)))
    one_hot = F.one_hot(options, OPTIONS).float()
    states = duo_training.mixed(duo, tokens, lambda index, rows: one_hot[index])
    whole = duo.model.head(duo.model.norm(states))
    torch.testing.assert_close(logits, whole, atol=1e-5, rtol=0)


def test_the_shipped_model_reads_along_every_path() -> None:
    """Big, small and coins: had skips or small modules not been trained, these would fail."""
    duo = checkpoint.duo("duo-s0")
    scored = duo_training.held_out(duo, duo_training.stage_one(6, 0))
    for way in ("", "small_", "random_"):
        assert scored[f"{way}accuracy_k1"] > 0.95, way
        assert scored[f"{way}accuracy_filler"] > 0.95, way


def test_the_budget_prices_the_mean_cost() -> None:
    weights = F.one_hot(torch.tensor([BIG, SMALL, SKIP, SKIP]), OPTIONS).float()
    assert float(duo_training.spent(weights)) == pytest.approx(1.125 / 4)


def test_training_a_router_leaves_the_model_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        duo = duo_training.frozen(duos.fresh(Shape(layers=2, width=16, heads=2)))
    before = {k: v.clone() for k, v in duo.model.state_dict().items()}
    plan = Routing("", "", 0, 1, steps=3)
    one, two = (duo_training.train_routers(plan, duo).state_dict() for _ in range(2))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert all(torch.equal(before[k], v) for k, v in duo.model.state_dict().items())
    start = duo_training.opened(Routers(duo.model.shape)).state_dict()
    assert not torch.equal(one["layers.0.bias"], start["layers.0.bias"])


def test_recipes_are_rebuilt_from_their_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = duo_recipes.table((0,))
    short = {
        name: dataclasses.replace(known[name], steps=2) for name in ("duo-s0", "duo-router-2-s0")
    }
    monkeypatch.setattr(checkpoint, "recipes", lambda: {**recipes(), **short})
    monkeypatch.setattr(duo_training, "CALIBRATION", 2)
    monkeypatch.setattr(training, "HELD_OUT", 32)
    for name in short:
        card = checkpoint.train(name, folder=tmp_path)
        assert card == checkpoint.train(name, folder=tmp_path)
        assert (tmp_path / f"{name}.safetensors").stat().st_size < 700_000


def test_all_files_together_are_small() -> None:
    files = list(checkpoint.FOLDER.glob("duo-*.safetensors"))
    assert len(files) == sum(isinstance(p, RandomlyRouted | Routing) for p in recipes().values())
    assert sum(path.stat().st_size for path in files) < 5e6


def test_constant_patterns_keep_their_budget() -> None:
    best = checkpoint.duo("duo-s0").sides.best.long()
    for budget, pattern in enumerate(best.tolist()):
        assert sum(duos.COST[option] for option in pattern) <= budget


# Oracles.


@pytest.mark.parametrize("at", [5, 17])
def test_the_position_oracle_changes_one_position_alone(duo: Duo, tokens: Tensor, at: int) -> None:
    """Brute force: cut the stream after the position, and give it alone another pattern."""
    patterns = duo_study.placed(3, 1, skips=True)
    assert len(patterns) == 12
    with torch.inference_mode():
        there = duo_study.scene(duo, tokens, duo_study.positions(tokens), Work())
        walked = dict(duo_study.leaves(there, patterns))
        for number, pattern in enumerate(patterns):
            options = torch.full((3, SEQUENCES, at + 1), BIG)
            options[:, :, at] = torch.tensor(pattern)[:, None]
            states = duos.batched(duo, tokens[:, : at + 1], options)
            torch.testing.assert_close(walked[number][:, at], states[:, at], atol=1e-5, rtol=0)


def test_the_segment_oracle_changes_one_segment_alone(duo: Duo, tokens: Tensor) -> None:
    group = duo_study.segments(tokens)
    patterns = duo_study.placed(3, 2)
    with torch.inference_mode():
        there = duo_study.scene(duo, tokens, group, Work())
        for number, states in duo_study.leaves(there, patterns):
            for row, segment in ((0, 0), (1, 1), (2, 2)):
                inside = group[row] == segment
                end = int(inside.nonzero()[-1]) + 1
                options = torch.full((3, 1, end), BIG)
                options[:, 0, inside[:end]] = torch.tensor(patterns[number])[:, None]
                alone = duos.batched(duo, tokens[row : row + 1, :end], options)[0]
                ours = states[row, :end][inside[:end]]
                torch.testing.assert_close(ours, alone[inside[:end]], atol=1e-5, rtol=0)


def test_segments_end_with_their_answer(tokens: Tensor) -> None:
    group = duo_study.segments(tokens)
    for row, numbers in zip(tokens.tolist(), group.tolist(), strict=True):
        for at in range(1, len(row)):
            assert numbers[at] - numbers[at - 1] == (row[at - 1] == EQUAL)


def test_the_tree_tries_every_pattern_once(duo: Duo, tokens: Tensor) -> None:
    sets = [duo_study.placed(3, b, skips=True) for b in range(4)]
    every = tuple(pattern for one in sets for pattern in one)
    assert len(set(every)) == len(every) == OPTIONS**3
    with torch.inference_mode():
        there = duo_study.scene(duo, tokens[:1], duo_study.positions(tokens[:1]), Work())
        seen = [number for number, _ in duo_study.leaves(there, every)]
    assert sorted(seen) == list(range(len(every)))
    assert [len(duo_study.placed(6, b)) for b in range(7)] == [1, 6, 15, 20, 15, 6, 1]
    with pytest.raises(ValueError, match="differ"):
        list(duo_study.leaves(there, [(0, 0, 0)] * 2))


def test_the_best_is_the_least_of_all_that_were_tried(duo: Duo, tokens: Tensor) -> None:
    wanted = torch.roll(tokens, -1, 1)
    patterns = duo_study.placed(3, 1)
    reading = duo_judging.Reading(duo.model.head, wanted)
    stage = duo_judging.scenes(duo, tokens, duo_study.positions)
    (found,) = duo_judging.tried(stage, patterns, reading)
    least = duo_judging.loss(found.logits, wanted)
    torch.testing.assert_close(least, found.table.amin(0), atol=1e-6, rtol=0)
    run = duo_judging.along(stage, found.options)
    torch.testing.assert_close(run, found.logits, atol=1e-4, rtol=0)
    at = found.options.permute(1, 2, 0)
    assert bool(((at == BIG).sum(-1) == 1).all())


def small(seed: int = 0, **conditions: Any) -> Ledger:
    task = load("embedded", seed, **{"batches": 1, "sequences": 12, **conditions})
    assert isinstance(task, Ledger)
    return task


def prepared(name: str, task: Ledger, **knobs: Any) -> tuple[Any, Any, Point]:
    entry = registry.find(f"ledger/{name}")
    method, point = registry.load(entry), entry.card.defaults | knobs
    return method, method.prepare(task, point, task.seed), point


def solved(name: str, task: Ledger, **knobs: Any) -> tuple[Answer, dict[str, float]]:
    method, state, point = prepared(name, task, **knobs)
    (case,) = task.cases()
    answer = method.solve(state, case, point)
    return answer, dict(task.score(case, answer))


def reachable(root: object) -> Iterator[object]:
    seen: set[int] = set()
    stack = [root]
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, str | int | float | type):
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, dict):
            stack += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set):
            stack += list(thing)
        elif not isinstance(thing, torch.Tensor | np.ndarray):
            stack += list(getattr(thing, "__dict__", {}).values())
            cells = getattr(thing, "__closure__", None) or ()
            stack += [cell.cell_contents for cell in cells]


@pytest.mark.parametrize("name", METHODS)
def test_labels_are_out_of_reach(name: str) -> None:
    task = small(sequences=4)
    assert any(isinstance(thing, Labels) for thing in reachable(task))
    _, state, _ = prepared(name, task)
    assert not any(isinstance(thing, Labels | Corpus | Ledger) for thing in reachable(state))


@pytest.mark.parametrize("name", ["duo_llm", "static_duo", "random_duo"])
def test_next_tokens_and_labels_do_not_change_what_a_method_does(name: str) -> None:
    """An oracle needs them; what is called a method must not."""
    task = small()
    (corpus,) = task.corpora
    other = corpus.tokens.copy()
    other[:, -1] = 1  # the last target, which is no input
    scrambled = dataclasses.replace(
        task, corpora=(Corpus(other, corpus.labels.pick(np.arange(12)[::-1])),)
    )
    answers = [solved(name, which)[0] for which in (task, scrambled)]
    assert torch.equal(answers[0].logits, answers[1].logits)
    assert registry.find(f"ledger/{name}").card.role != "oracle"


@pytest.mark.parametrize("name", ["duo_oracle", "duo_segments", "duo_best_of_n"])
def test_what_chooses_by_the_label_is_called_an_oracle(name: str) -> None:
    card = registry.find(f"ledger/{name}").card
    assert (card.role, card.oracle) == ("oracle", "bound")


def test_the_oracle_really_runs_what_it_found_and_pays_for_it() -> None:
    task = small()
    answer, values = solved("duo_oracle", task)
    _, state, _ = prepared("duo_oracle", task)
    own = 3 + 0.5 * (1 + 5 / 8)
    assert values["executions"] == pytest.approx(6 + own), "the others' big modules are counted"
    (case,) = task.cases()
    stage = duo_judging.scenes(state.reader.duo, torch.from_numpy(case.tokens), duo_study.positions)
    run = duo_judging.along(stage, state.options[0])
    torch.testing.assert_close(answer.logits, run, atol=1e-4, rtol=0)


def test_the_minimum_over_patterns_gains_where_nothing_can_be_gained() -> None:
    """The reason for all controls: random targets have no pattern that is right for them."""
    _, values = solved("duo_oracle", small(sequences=32))
    assert values["gained_random"] > 0.005
    assert {"loss_answer_dealt", "loss_answer_lucky", "loss_running"} <= values.keys()
    _, dear = solved("duo_oracle", small(sequences=32), budget=3)
    assert dear["gained_random"] > values["gained_random"], "more patterns, more luck"


def test_patterns_are_dealt_within_their_class() -> None:
    task = small()
    kinds = duo_oracle.kinds(task.corpora[0])
    options = torch.randint(0, 3, (6, *kinds.shape), generator=torch.Generator().manual_seed(0))
    dealt = duo_study.dealt(options, kinds, torch.Generator().manual_seed(1))
    for kind in range(3):
        ours, theirs = (
            sorted(map(tuple, part[:, kinds == kind].T.tolist())) for part in (options, dealt)
        )
        assert ours == theirs
    assert float((options == dealt).all(0).double().mean()) < 0.2


def test_wrong_targets_are_wrong_at_every_answer_and_only_there() -> None:
    corpus = small().corpora[0]
    right, wrong = duo_judging.next_tokens(corpus), duo_judging.next_tokens(corpus, 3)
    answers = torch.from_numpy(corpus.labels.of("equal"))
    assert bool((right != wrong)[answers].all())
    assert torch.equal(right[~answers], wrong[~answers])
    assert int(wrong[answers].min()) >= 3
    assert int(wrong[answers].max()) <= 9


def test_luck_on_wrong_answers_is_reported() -> None:
    found = duo_oracle.luck(small(sequences=16), budget=1, wrong=1)
    assert found["best"] >= found["big"]
    assert found["big_chance"] <= found["by_chance"] < 0.5


def test_segments_run_one_pattern_each_and_in_decode_too() -> None:
    task = small(sequences=4)
    _, state, _ = prepared("duo_segments", task)
    (case,) = task.cases()
    tokens, options = torch.from_numpy(case.tokens), state.options[0]
    group = duo_study.segments(tokens)
    for row in range(4):
        for number in set(group[row].tolist()):
            assert len(set(map(tuple, options[:, row, group[row] == number].T.tolist()))) == 1
    whole = state.reader.read_along(case, options)
    decoded = dataclasses.replace(state.reader, mode="decode1").read_along(case, options)
    torch.testing.assert_close(decoded.logits, whole.logits, atol=1e-3, rtol=0)
    assert torch.equal(decoded.executions(), whole.executions())


def test_coins_skip_as_often_as_the_routers_do() -> None:
    """Equal cost option by option and layer by layer: a skip is as free for coins as for routers."""
    task = small(batches=1, sequences=48)
    ours, mine = solved("random_duo", task)
    theirs, other = solved("duo_llm", task)
    shares = [duos.shares(answer, 6, 48 * 64) for answer in (ours, theirs)]
    torch.testing.assert_close(*shares, atol=0.05, rtol=0)
    assert mine["executions"] == pytest.approx(other["executions"], rel=0.03)
    assert torch.equal(ours.logits, solved("random_duo", task)[0].logits)


def test_random_patterns_are_drawn_at_the_routers_rates() -> None:
    rates = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], dtype=torch.double)
    drawn = duo_best_of_n.draws(rates, 100, torch.Generator().manual_seed(0))
    assert sorted(drawn) == [(SMALL, SKIP), (SMALL, BIG)]


def test_a_sequence_takes_the_pattern_that_loses_least_at_its_answers() -> None:
    tokens = torch.tensor([[EQUAL, 5, EQUAL], [EQUAL, 5, 6]])
    table = torch.tensor([[[1.0, 0.0, 1.0], [3.0, 0.0, 0.0]], [[2.0, 9.0, 1.0], [1.0, 9.0, 9.0]]])
    found = duo_judging.Tried([(BIG,), (SKIP,)], table, torch.empty(0))
    options = duo_best_of_n.by_sequence(found, tokens)
    assert options.tolist() == [[[BIG] * 3, [SKIP] * 3]]


def test_best_of_n_carries_what_it_is_compared_with() -> None:
    _, values = solved("duo_best_of_n", small())
    assert values["apart_best"] >= 0
    assert values["apart_oracle"] > 0


@pytest.mark.parametrize(("name", "layers"), [("big", 6.0), ("small", 3.375)])
def test_static_patterns_are_counted(name: str, layers: float) -> None:
    answer, values = solved("static_duo", small(sequences=4), pattern=name)
    assert torch.equal(answer.executions(), torch.full((4, 64), layers))
    assert values["exit_like"] == 1.0


@pytest.mark.parametrize(
    ("options", "share"), [((BIG, SMALL, SKIP), 1.0), ((BIG, SKIP, SMALL), 0.0)]
)
def test_an_exit_skips_every_layer_after_its_first(
    duo: Duo, tokens: Tensor, options: tuple[int, ...], share: float
) -> None:
    answer = duos.prefill_duo(duo, tokens, duos.pattern(options), tile=2)
    answer = dataclasses.replace(answer, unrolled=TINY.layers)
    assert duo_scoring.exit_like(answer) == {"exit_like": share}


def test_every_target_is_in_one_class() -> None:
    labels = small().corpora[0].labels
    masks = list(duo_scoring.classes(labels).values())
    assert bool((np.stack(masks).sum(axis=0) == 1).all())


def test_difficulty_is_what_more_compute_buys() -> None:
    """Made-up logits: the second reading knows the answers of k = 4 and nothing else."""
    corpus = small().corpora[0]
    less = torch.zeros(12, 64, 64)
    more = less.clone()
    hard = corpus.labels.of("equal") & (corpus.labels.k == 4)
    for row, at in zip(*np.nonzero(hard), strict=True):
        more[row, at, corpus.targets[row, at]] = 9.0
    answer = duo_scoring.Studied(less, (), views={"less": less, "more": more})
    found = duo_scoring.study(corpus, answer)
    assert found["gain_answer_k4"] > 3
    assert found["gain_tenth"] == pytest.approx(found["gain_answer_k4"] / 10)
    for name in ("k1", "k2", "k3"):
        assert found[f"gain_answer_{name}"] == 0
    assert found["gain_random"] == found["gain_filler"] == found["gain_drop"] == 0
    turned = dataclasses.replace(answer, views={"less": more, "more": less})
    assert duo_scoring.study(corpus, turned)["gain_drop"] > 3


def test_a_twin_reads_as_the_trained_model_does() -> None:
    task, wide = small(sequences=4), small(sequences=4, width=128)
    answer, values = solved("duo_llm", task)
    method, state, point = prepared("duo_llm", wide)
    (case,) = wide.cases()
    wide.rehearse(lambda: method.solve(state, case, point))
    twin = method.solve(state, case, point)
    assert torch.equal(twin.logits, answer.logits)
    assert torch.equal(twin.executions(), answer.executions())
    scored = wide.score(case, twin)
    assert scored["flops_counted"] > 3 * values["flops_counted"]
