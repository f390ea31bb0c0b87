"""Paths: what is skipped does not run, keys go by path position, and no answer leaks."""

import copy
import dataclasses
import itertools
import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.harness.plan import grid
from adabench.workloads.depth_width.ledger_qa import task as asking
from adabench.workloads.depth_width.ledger_qa.methods import path_oracle
from adabench.workloads.depth_width.ledger_qa.recipes import FOLDER, recipes
from adabench.workloads.depth_width.methods import random_paths
from adabench.workloads.depth_width.methods.dr_llm import dr_llm, train_path_routers
from adabench.workloads.depth_width.substrate import questions
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.paths import path_forward, path_routers, path_search
from adabench.workloads.depth_width.substrate.questions import Asked, Questions
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.work_counter import Work
from tests.workloads.depth_width.forward_promises import untrained

SMALL = Shape(layers=3, width=16, heads=2)
N = 9
METHODS = [name for name, entry in registry.methods("ledger_qa").items()]


@pytest.fixture(scope="module")
def model() -> Backbone:
    return untrained(SMALL)


@pytest.fixture(scope="module")
def asked() -> Asked:
    return questions.ask(np.random.default_rng(3), N)


@pytest.fixture(scope="module")
def routers() -> path_routers.Routers:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        made = path_routers.Routers(SMALL.width, SMALL.layers)
        for wide in made.wide:
            wide.weight.data *= 8
    return made.requires_grad_(False)


@pytest.fixture(scope="module")
def passes() -> Tensor:
    drawn = torch.randint(0, 3, (N, SMALL.layers), generator=torch.Generator().manual_seed(5))
    drawn[0], drawn[1] = 0, 2
    return drawn


def task(seed: int = 0, **conditions: Any) -> asking.LedgerQa:
    return asking.load("embedded", seed, batches=1, sequences=16, **conditions)


def forced(made: Backbone, asked: Questions, said: Tensor) -> Tensor:
    """Logits at the three answers from one plain forward over prompts and answers."""
    tokens = torch.from_numpy(questions.with_answers(asked, said.numpy()))
    states = unit_forward.soft(made, tokens, lambda unit, x, output: output())
    at = torch.from_numpy(asked.lengths)[:, None] - 1 + torch.arange(questions.ANSWERS)
    return made.head(made.norm(states))[torch.arange(len(at))[:, None], at]


def test_answers_follow_from_the_operations() -> None:
    asked = questions.ask(np.random.default_rng(0), 200)
    for row in range(200):
        prompt = asked.questions.tokens[row, : asked.questions.lengths[row]]
        values = [int(prompt[1]) - 3]
        for token in prompt[(prompt >= 10) & (prompt < 24)]:
            last = values[-1]
            values.append(int(last + token - 10 if token < 17 else last * (token - 17)) % 7)
        assert len(values) == asked.keys.k[row] + 1
        final, before = values[-1], values[-2]
        assert (asked.keys.answers[row] - 3).tolist() == [final, before, (final + before) % 7]
        assert prompt[-1] == 2
        at = asked.keys.places[row, : asked.keys.k[row]]
        assert ((prompt[at] >= 10) & (prompt[at] < 24)).all()


def test_other_fillers_leave_the_answers() -> None:
    asked = questions.ask(np.random.default_rng(0), 50)
    again = questions.redrawn(np.random.default_rng(1), asked.keys)
    assert (again.keys.answers == asked.keys.answers).all()
    assert (again.questions.lengths != asked.questions.lengths).any()
    other = questions.sibling(np.random.default_rng(1), asked.keys)
    assert (other.keys.operations == asked.keys.operations).all()
    assert (other.keys.answers != asked.keys.answers).any()


def test_every_layer_once_is_the_frozen_model(model: Backbone, asked: Asked) -> None:
    reply = path_forward.answer(model, asked.questions, path_forward.default(N, 3), tile=4)
    logits = forced(model, asked.questions, reply.said)
    assert torch.equal(logits.argmax(-1), reply.said)
    tokens, lengths = path_routers.tensors(asked)
    states, _ = path_forward.prefill(
        model, tokens, lengths, path_forward.fixed(path_forward.default(N, 3)), Work()
    )
    whole = unit_forward.soft(model, tokens, lambda unit, x, output: output())
    torch.testing.assert_close(states, whole, atol=1e-5, rtol=0)


def test_a_batch_of_different_paths_is_each_alone(
    model: Backbone, asked: Asked, passes: Tensor
) -> None:
    together = path_forward.answer(model, asked.questions, passes, tile=N)
    alone = path_forward.answer(model, asked.questions, passes, tile=1)
    assert torch.equal(together.said, alone.said)
    assert torch.equal(together.passes(), passes)
    torch.testing.assert_close(together.decoded(), passes.sum(1).float())


def test_gathered_is_masked(model: Backbone, asked: Asked, passes: Tensor) -> None:
    tokens, lengths = path_routers.tensors(asked)
    states, _ = path_forward.prefill(model, tokens, lengths, path_forward.fixed(passes), Work())
    masked = model.embed(tokens)
    for index, turn in itertools.product(range(3), range(2)):
        layer = model.layer(index)
        out = masked + unit_forward.attention(model, layer, layer.norm1(masked))
        out = out + unit_forward.mlp(layer, layer.norm2(out))
        masked = torch.where((passes[:, index] > turn)[:, None, None], out, masked)
    torch.testing.assert_close(states, masked, atol=1e-5, rtol=0)


def test_prefill_then_decode_is_one_forward(model: Backbone, asked: Asked, passes: Tensor) -> None:
    reply = path_forward.answer(model, asked.questions, passes, tile=4)
    tokens = torch.from_numpy(questions.with_answers(asked.questions, reply.said.numpy()))
    lengths = torch.from_numpy(asked.questions.lengths)
    assert path_forward.right(model, tokens, lengths, passes).all()
    tokens[0, lengths[0] + 1] = 3 + (tokens[0, lengths[0] + 1] - 2) % 7
    assert not path_forward.right(model, tokens, lengths, passes)[0]


def test_paths_that_share_their_beginning_are_judged_as_each_alone(
    model: Backbone, asked: Asked, passes: Tensor
) -> None:
    reply = path_forward.answer(model, asked.questions, passes, tile=4)
    tokens = torch.from_numpy(questions.with_answers(asked.questions, reply.said.numpy()))
    lengths = torch.from_numpy(asked.questions.lengths)
    paths = list(itertools.product(range(3), repeat=3))
    found = path_forward.right_along(model, tokens, lengths, paths)
    assert any(each.any() for each in found.values())
    for path in paths:
        alone = path_forward.right(model, tokens, lengths, torch.tensor(path).expand(N, -1))
        assert torch.equal(found[path], alone)


def test_a_second_pass_has_keys_of_its_own(model: Backbone, asked: Asked) -> None:
    tokens, lengths = path_routers.tensors(asked)
    twice = path_forward.default(N, 3) * 2
    _, memory = path_forward.prefill(model, tokens, lengths, path_forward.fixed(twice), Work())
    assert [name for name, _ in memory.slots] == [0, 1, 2, 3, 4, 5]
    first, second = memory.slots[2][1], memory.slots[3][1]
    assert not torch.allclose(first.keys, second.keys, atol=1e-3)


def test_a_skipped_layer_is_not_called_and_stores_nothing(model: Backbone, asked: Asked) -> None:
    made, rows = copy.deepcopy(model), [0] * 3
    for index, layer in enumerate(made.layers):
        layer.out.register_forward_hook(
            lambda _, given, __, index=index: rows.__setitem__(index, rows[index] + 1)
        )
    skipping = path_forward.default(N, 3)
    skipping[:, 1] = 0
    reply = path_forward.answer(made, asked.questions, skipping, tile=N)
    assert rows == [3, 0, 3], "prefill and two steps, and nothing in the layer left out"
    stored = sum(tile.decode.kv_entries for tile in reply.tiles)
    assert stored == 2 * (asked.questions.lengths.sum() + 2 * N)


def test_executions_are_what_hooks_see(
    model: Backbone, asked: Asked, routers: path_routers.Routers
) -> None:
    made, seen = copy.deepcopy(model), []
    for layer in made.layers:
        layer.out.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    reply = path_forward.answer(made, asked.questions, path_routers.decide(routers), tile=4)
    assert sum(seen) == reply.passes().sum() + 2 * reply.decoded().sum()
    assert reply.passes().unique().numel() == 3


def test_operations_are_what_torch_counts(
    model: Backbone, asked: Asked, routers: path_routers.Routers
) -> None:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        reply = path_forward.answer(model, asked.questions, path_routers.decide(routers), tile=4)
    counted = sum(t.prefill.flops + t.decode.flops for t in reply.tiles)
    assert counted == counter.get_total_flops()


def test_routers_read_the_prompt_alone_and_once(
    model: Backbone, asked: Asked, routers: path_routers.Routers
) -> None:
    rule, calls = path_routers.decide(routers), []

    def watch(layer: int, states: Tensor, lengths: Tensor, work: Work) -> Tensor:
        calls.append((layer, states.shape[1]))
        return rule(layer, states, lengths, work)

    before = path_forward.answer(model, asked.questions, watch, tile=N)
    assert calls == [(layer, asked.questions.lengths.max()) for layer in range(3)]
    padded = Questions(asked.questions.tokens.copy(), asked.questions.lengths)
    behind = np.arange(padded.tokens.shape[1]) >= padded.lengths[:, None]
    padded.tokens[behind] = 40
    after = path_forward.answer(model, padded, rule, tile=N)
    assert torch.equal(before.said, after.said)
    assert torch.equal(before.passes(), after.passes())


def test_windows_are_equal_and_drop_the_remainder() -> None:
    weights, share = path_routers.windows(torch.tensor([4, 8, 19]), 19)
    assert (share > 0).sum(1).tolist() == [4, 8, 8]
    torch.testing.assert_close(share.sum(1), torch.ones(3))
    torch.testing.assert_close(weights.sum(2), (share > 0).float())
    assert (weights[2] > 0).sum(1).tolist() == [2] * 8
    assert weights[2, :, 16:].sum() == 0


def test_the_knob_runs_from_nothing_to_everything_twice() -> None:
    chances = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    chosen = {p: path_routers.biased(chances, p).argmax(-1).tolist() for p in (-1, -0.5, 0.5, 1)}
    assert chosen == {-1: [0, 0], -0.5: [1, 0], 0.5: [1, 1], 1: [2, 2]}


def test_class_weights_are_those_of_the_published_counts() -> None:
    weights = path_routers.class_weights([4399, 120956, 1457])
    assert [round(float(w), 2) for w in weights] == pytest.approx([0.92, 0.91, 1.18], abs=0.02)


def test_class_weights_of_few_labels_are_as_mild() -> None:
    few = path_routers.class_weights([44, 1210, 15])
    many = path_routers.class_weights([4399, 120956, 1457])
    torch.testing.assert_close(few, many, atol=0.05, rtol=0)


def test_a_menu_is_chosen_by_what_each_path_adds() -> None:
    good = torch.tensor(
        [
            [True, True, True, True, False],  # long, right for nearly all
            [True, True, True, False, False],  # shorter
            [True, True, False, True, False],  # as short, and right for the same ones
            [False, False, False, False, True],  # a repair that nothing else makes
        ]
    )
    lengths = torch.tensor([6, 5, 5, 7])
    assert train_path_routers.covering(good, lengths, 3, dear=12) == [0, 3, 1]
    assert train_path_routers.covering(good, lengths, 1, dear=12) == [0]


def test_labels_come_from_the_menu_and_hold_on_every_look() -> None:
    base = recipes()["qa-6-s0"].load()
    plan_ = dataclasses.replace(
        recipes()["dr-llm-s0"], questions=60, simulations=10, looks=3, menu=2, more=30
    )
    taught = train_path_routers.supervise(plan_, base, 60, train_path_routers.LABEL_SEED)
    assert 1 <= len(taught.passes.unique(dim=0)) <= 2
    with torch.inference_mode():
        assert path_forward.right(base, taught.tokens, taught.lengths, taught.passes).all()


def test_a_repaired_question_is_one_that_all_layers_get_wrong() -> None:
    base = recipes()["qa-6-s0"].load()
    plan_ = dataclasses.replace(
        recipes()["dr-llm-s0"], questions=90, simulations=10, looks=1, menu=4, more=30
    )
    taught = train_path_routers.supervise(plan_, base, 90, train_path_routers.LABEL_SEED)
    once = torch.ones_like(taught.passes)
    with torch.inference_mode():
        whole = path_forward.right(base, taught.tokens, taught.lengths, once)
    assert torch.equal(taught.repaired, ~whole)
    assert 0 < taught.repaired.sum() < len(once)
    look = (taught.tokens, taught.lengths)
    longer = train_path_routers.labels(base, [look], torch.tensor([[1, 1, 1, 1, 2, 1]]))
    with torch.inference_mode():
        whole = path_forward.right(base, longer[0], longer[1], torch.ones_like(longer[2]))
    assert torch.equal(longer[3], ~whole), "a menu without the plain path is judged by it too"


def test_repaired_questions_are_a_share_of_the_draws() -> None:
    repaired = torch.arange(100) < 8
    often = train_path_routers.chances(repaired, 0.3)
    assert float(often.mean()) == pytest.approx(1)
    assert float(often[repaired].sum() / often.sum()) == pytest.approx(0.3)
    nobody = train_path_routers.chances(torch.zeros(5, dtype=torch.bool), 0.3)
    assert torch.equal(nobody, torch.ones(5))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_base_is_saturated_where_it_was_trained(seed: int) -> None:
    """Below that a search repairs what more training would, and layers saved are no saving."""
    held_out = json.loads((FOLDER / f"qa-6-s{seed}.json").read_text())["held_out"]
    assert min(held_out[f"accuracy_k{k}"] for k in range(1, questions.TRAINED_K + 1)) > 0.98
    assert held_out["accuracy_k6"] < 0.6, "errors above"


def test_moves_skip_one_or_two_or_repeat_one() -> None:
    found = path_search.moves((1, 1, 1))
    assert set(found) == {
        (0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 1), (1, 0, 0), (2, 1, 1), (1, 2, 1), (1, 1, 2),
    }  # fmt: skip
    assert all(sum(path) > 0 for path in path_search.moves((0, 1, 0)))


def test_the_search_finds_a_planted_path_and_stops() -> None:
    asked: list[tuple[int, tuple[int, ...]]] = []

    def judge(rows: Any, tried: Any) -> list[bool]:
        asked.extend(zip(rows, tried, strict=True))
        return [path == ((1, 1, 2, 1), (1, 0, 0, 1))[row] for row, path in asked[-len(rows) :]]

    found = path_search.searched(judge, 2, 4, simulations=50, seed=1)
    assert found.passes.tolist() == [[1, 1, 2, 1], [1, 0, 0, 1]]
    assert found.solved.tolist() == [True, True]
    assert found.before.tolist() == [False, False]
    assert len(asked) == len(set(asked)) < 40, "remembered, and ended early"


def test_routers_are_taught_by_questions_that_are_not_scored() -> None:
    made = task()
    plan_ = dataclasses.replace(recipes()["dr-llm-s0"], looks=1, simulations=1, more=40)
    taught = train_path_routers.supervise(
        plan_, recipes()["qa-6-s0"].load(), 40, train_path_routers.LABEL_SEED
    )
    exam = next(made.cases()).questions
    long = {tuple(row[:n]) for row, n in zip(exam.tokens, exam.lengths, strict=True) if n > 9}
    rows = zip(taught.tokens.tolist(), taught.lengths.tolist(), strict=True)
    assert not long & {tuple(row[:n]) for row, n in rows}


def test_the_base_stays_frozen() -> None:
    base = recipes()["qa-6-s0"].load()
    before = {k: v.clone() for k, v in base.state_dict().items()}
    plan_ = dataclasses.replace(
        recipes()["dr-llm-s0"], questions=40, simulations=3, looks=1, epochs=1, more=0
    )
    train_path_routers.train(plan_, base)
    assert all(torch.equal(before[k], v) for k, v in base.state_dict().items())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_labels_and_the_macro_f1_stand_in_the_card(seed: int) -> None:
    card = json.loads((FOLDER / f"dr-llm-s{seed}.json").read_text())
    labels = card["labels"]
    assert labels["counts"][1] > labels["counts"][0] > 0
    assert labels["macro_f1"] > 0.45, "always `once` stays below a third or so"
    assert labels["forwards_per_question"] > 1
    assert 0.05 < labels["repaired_share"] < card["repaired"], "drawn more often than they are"
    assert len(labels["menu"]) > 1
    assert card["name"] == f"dr-llm-s{seed}"


def test_coins_keep_lengths_or_whole_paths() -> None:
    made, point = task(), {"p": -0.5, "keep": "lengths"}
    coins = random_paths.prepare(made, point, 0)
    exam = next(made.cases())
    routed = dr_llm.prepare(made, point, 0)
    ours = dr_llm.solve(routed, exam, point).passes().sum(1).float().mean()
    menu = {tuple(path) for path in coins.passes.tolist()}
    for keep in ("lengths", "paths"):
        reply = random_paths.solve(coins, exam, {"p": -0.5, "keep": keep})
        assert float(reply.passes().sum(1).float().mean()) == pytest.approx(float(ours), abs=0.6)
    assert {tuple(path) for path in reply.passes().tolist()} <= menu
    drawn = random_paths.shuffled(torch.tensor([1, 0, 2, 1, 0, 1]), torch.Generator())
    assert drawn.sum() == 5
    assert set(drawn.tolist()) == {0, 1}


def test_the_oracle_is_checked_for_luck() -> None:
    made = task()
    hindsight = path_oracle.prepare(made, {"simulations": 20}, 0)
    found = path_oracle.luck(made, hindsight, simulations=20, wrong=1)
    assert 0 < found["repaired"] <= 1
    assert found["by_chance"] < found["repaired"]


@pytest.mark.parametrize("mode", ["decode1", "decode16"])
def test_answers_do_not_depend_on_the_mode(mode: str) -> None:
    made = task(mode=mode)
    exam = next(made.cases())
    whole = dataclasses.replace(made, mode="prefill")
    point = dr_llm.CARD.defaults
    one = dr_llm.solve(dr_llm.prepare(made, point, 0), exam, point)
    other = dr_llm.solve(dr_llm.prepare(whole, point, 0), exam, point)
    assert torch.equal(one.said, other.said)
    assert torch.equal(one.passes(), other.passes())


def test_models_of_streams_are_refused() -> None:
    made = task()
    for other in ("reader", "unit_reader", "width_reader", "solver"):
        assert not hasattr(made, other)
    with pytest.raises(SelectionError, match="no recipe called 'vanilla-6-s0'"):
        made.guided("vanilla-6")


def test_a_method_of_a_family_is_made_for_each_of_its_tasks() -> None:
    """At `pretrained` a window's opening asks, so it is set there and nowhere else."""
    wanted = grid.select_settings(registry.find("ledger_qa"), registry.find("ledger_qa/dr_llm"))
    assert all("prompt" not in conditions for _, conditions in wanted.settings)
    wanted = grid.select_settings(registry.find("pretrained"), registry.find("pretrained/dr_llm"))
    assert {conditions["prompt"] for _, conditions in wanted.settings} == {64}
    wanted = grid.select_settings(registry.find("pretrained"), registry.find("pretrained/vanilla"))
    assert {conditions["prompt"] for _, conditions in wanted.settings} == {0}
