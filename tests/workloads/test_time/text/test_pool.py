"""RADAR on text: a model and its draft with votes; really answered sums, whole bills, blind routes."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import SelectionError
from adabench.harness.store import used_artefacts
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.sources.model_spec import draft_spec, model_spec
from adabench.workloads.test_time.substrate.configurations import prompt_state
from adabench.workloads.test_time.text import checkpoints, recipes
from adabench.workloads.test_time.text.substrate.configuration_pool import (
    CONFIGURATIONS,
    read_responses,
)
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.task import CARD, load, of_practice
from adabench.workloads.test_time.text.training import train_responses
from adabench.workloads.test_time.text.truth import arithmetic

METHODS = ("radar", "configuration", "random_pair")


@pytest.fixture(scope="module")
def where() -> GradedText:
    return load("embedded", 0, model="builtin", problems=4, level=train_responses.LEVEL, room=24)


def solve(
    name: str, where: GradedText, case: Question, **knobs: Scalar
) -> tuple[tuple[int, ...], Counter[str]]:
    entry = registry.find(f"text/{name}")
    method, point = registry.load(entry), {**entry.card.defaults, **knobs}
    state = method.prepare(where, point, 0) if hasattr(method, "prepare") else where
    where.meter.clear()
    completion = method.solve(state, case, point)
    assert where.account(case, completion) == completion
    return completion, Counter({k: v for k, v in where.meter.items() if not k.endswith("_s")})


def leaning(where: GradedText, name: str) -> GradedText:
    """The task with a table in which one configuration alone is ever right: random weights never are."""
    table, models = where.responses(), where.models
    assert models.pool is not None
    right = np.zeros_like(table.right)
    right[:, [one.name for one in CONFIGURATIONS].index(name)] = 1.0
    pool = replace(models.pool, responses=lambda: replace(table, right=right))
    return replace(where, load_models=lambda: replace(models, pool=pool), meter=Meter())


def test_the_pool_is_the_draft_and_the_model_of_the_pair(where: GradedText) -> None:
    pair, pool = where.models.pair, where.models.pool
    assert pair is not None
    assert pool is not None
    assert pool.policy is pair.policy
    assert pool.others == {"large": where.models.policy}
    table = where.responses()
    assert [one.name for one in table.configurations] == [
        "draft@1",
        "draft@4",
        "model@1",
        "model@4",
    ]
    knob = registry.find("text/configuration").card.knob("configuration")
    assert knob is not None
    assert set(knob.values) == {one.name for one in CONFIGURATIONS}


def test_a_configuration_costs_the_words_of_all_its_votes(where: GradedText) -> None:
    case = next(where.cases())
    for one in CONFIGURATIONS:
        with where.session(case, pooled=True) as session:
            root = session.open(policy=one.role)
            leaves = [root] if one.votes == 1 else session.fork(root, one.votes)
            session.decode(leaves, temperature=0.0 if one.votes == 1 else None)
            words = sum(len(leaf.completion) for leaf in leaves)
            session.offer(leaves[0].completion)
        _, cost = solve("configuration", where, case, configuration=one.name)
        assert cost["generated"] == words
        assert cost["large_share"] == (one.role == "large")


def test_the_router_pays_for_reading_the_prompt_and_for_what_it_chose(where: GradedText) -> None:
    for case in list(where.cases())[:2]:
        bare = {
            one.name: solve("configuration", where, case, configuration=one.name)
            for one in CONFIGURATIONS
        }
        for able, w in (("model@4", 0.0), ("model@1", 1.0), ("model@4", 1.0), ("draft@4", 1.0)):
            words, cost = solve("radar", leaning(where, able), case, w=w)
            assert words == bare["draft@1" if w == 0.0 else able][0]
            chosen = [name for name, (own, _) in bare.items() if own == words]
            extra = cost["flops_counted_policy"] if cost["large_share"] else 0
            assert (cost["large_share"] == 0) == (extra == 0)
            flops = {bare[name][1]["flops_counted"] for name in chosen}
            assert cost["flops_counted"] - extra in flops


def test_a_route_depends_on_the_prompt_alone(where: GradedText) -> None:
    blind = replace(where, grader=None, meter=Meter())
    for case in where.cases():
        words, cost = solve("radar", where, case)
        assert solve("radar", where, replace(case, group="digit-9")) == (words, cost)
        assert solve("radar", blind, case) == (words, cost)


def test_a_coins_ends_are_the_pair(where: GradedText) -> None:
    case = next(where.cases())
    for rate, name in ((0.0, "draft@1"), (1.0, "model@4")):
        pair = solve("random_pair", where, case, rate=rate)
        assert pair == solve("configuration", where, case, configuration=name)


def test_a_configuration_of_another_task_is_named(where: GradedText) -> None:
    with pytest.raises(SelectionError, match="no configuration 'lm-s@1'"):
        solve("configuration", where, next(where.cases()), configuration="lm-s@1")


def test_all_costs_of_a_pool_are_metrics_of_the_task(where: GradedText) -> None:
    _, cost = solve("radar", leaning(where, "model@4"), next(where.cases()), w=1.0)
    assert cost["large_share"] == 1
    known = {metric.name for metric in CARD.metrics}
    assert {name for name in cost if name.endswith(("_large", "_share"))} <= known


def test_a_servers_model_has_no_pool() -> None:
    from adabench.workloads.shared.sources.judge_spec import judge_spec
    from adabench.workloads.test_time.text import abilities

    spec = model_spec("openai:http://127.0.0.1:9/v1#m")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "adabench.workloads.shared.sources.model_source.missing_abilities", lambda spec: {}
        )
        assert "pool" in abilities.absences(spec, judge_spec("none"))
    with pytest.raises(SelectionError, match="shows no states and takes no draft"):
        checkpoints.train(recipes.responses_of(str(spec)).name)


@pytest.mark.parametrize("model", ["builtin", "smollm2"])
def test_shipped_responses_are_small_and_hold_nothing_but_what_was_answered(model: str) -> None:
    plan = recipes.responses_of(model)
    path = recipes.FOLDER / f"{plan.name}.safetensors"
    assert path.stat().st_size < 20_000
    found, card = load_file(path), json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert found.keys() == {"axes", "states", "lengths", "right", "generated", "flops"}
    assert len(found["right"]) == plan.steps == card["steps"]
    assert (card["model"], card["draft"], card["kind"]) == (model, "thinned", "responses")
    for place, one in enumerate(CONFIGURATIONS):
        assert card["dev"][f"accuracy {one.name}"] == pytest.approx(
            found["right"][:, place].mean(), abs=1e-4
        )
    flops = found["flops"]
    assert (flops[:, 1] > flops[:, 0]).all()
    assert (flops[:, 3] > flops[:, 2]).all()
    assert (flops.mean(axis=0)[2:] > flops.mean(axis=0)[:2]).all()


def test_smollm2s_table_leaves_something_to_choose() -> None:
    """Neither model is always or never right, and votes help at least one of them or cost for nothing."""
    right = load_file(recipes.FOLDER / "radar-responses-smollm2.safetensors")["right"].mean(axis=0)
    assert (right > 0.2).all()
    assert (right < 1.0).any()


def test_no_run_asks_what_was_answered_for_calibration() -> None:
    level = train_responses.LEVEL
    asked = of_practice("builtin", 0, recipes.responses_of("builtin").steps, level)
    prompts = {question.prompt for question in asked.cases()}
    run = {
        question.prompt
        for seed in range(5)
        for question in load("embedded", seed, model="builtin", problems=20, level=level).cases()
    }
    assert not prompts & run
    rows = arithmetic.rows(arithmetic.read_levels(level), 0, 40, "train")
    assert len(prompts) == len({row.question for row in rows}) == 40


def test_the_shipped_responses_are_what_the_models_answer() -> None:
    """Drawn again, and at their whole price: neither from coins nor from a response model."""
    plan = replace(recipes.responses_of("builtin"), steps=2)
    again, _ = train_responses.train(plan, model_spec("builtin"), lambda *_: None)
    shipped = load_file(recipes.FOLDER / f"{plan.name}.safetensors")
    for name in ("right", "generated", "lengths"):
        assert np.array_equal(again[name].numpy(), shipped[name][:2])
    assert again["flops"].numpy() == pytest.approx(shipped["flops"][:2])


def test_an_embedding_is_the_same_in_a_session_as_in_the_table(where: GradedText) -> None:
    plan = recipes.responses_of("builtin")
    asked = of_practice("builtin", plan.seed, plan.steps, train_responses.LEVEL)
    table = where.responses()
    for row, question in list(enumerate(asked.cases()))[:2]:
        with asked.session(question, pooled=True) as session:
            states = session.hidden(session.open(), 0)
        assert table.menu.embedding(states) == pytest.approx(table.states[row], abs=1e-4)
        assert len(prompt_state(states)) > len(table.states[row])


def test_axes_are_those_along_which_states_differ_and_come_out_the_same() -> None:
    generator = np.random.default_rng(0)
    states = generator.normal(size=(30, 12)) * ([9.0, 5.0] + [0.1] * 10)
    axes, share = train_responses.principal_axes(states)
    assert axes.dtype == np.float16
    assert axes.shape == (12, 8)
    assert np.abs(axes[0, 0]) > 0.99
    assert (axes[np.abs(axes).argmax(axis=0), range(8)] > 0).all()
    assert np.array_equal(axes, train_responses.principal_axes(states + 3.0)[0])
    assert 0.99 < share <= 1.0


def test_responses_are_gathered_by_train_of_these_weights_alone(
    command, llama_folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        checkpoints, "recipe_named", lambda name: replace(recipes.recipe_named(name), steps=2)
    )
    folder = Path(shutil.copytree(llama_folder, tmp_path / "model"))
    spec = model_spec(f"hf:{folder}")
    mine = partial(load, "embedded", 0, model=str(spec), problems=1)
    for name in METHODS:
        with pytest.raises(
            CapabilityMissing, match="A table of responses: none was fitted"
        ) as none:
            solve(name, mine(), next(mine().cases()))
        assert none.value.hint.endswith(
            f"adabench train 'text/radar-responses-*' --set model={spec}"
        )
    words = ("train", "text/radar-responses-*", "--set", f"model={spec}", "--json")
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["model"] == str(spec)
    used_artefacts.forget()
    assert read_responses(spec, None).right.shape == (2, 4)
    assert set(used_artefacts.digests()) == {recipes.responses_of(str(spec)).name}
    used_artefacts.forget()
    with pytest.raises(CapabilityMissing, match="with builtin as its draft") as other:
        read_responses(spec, draft_spec("builtin"))
    assert other.value.hint.endswith(f"--set model={spec} --set draft=builtin")
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(CapabilityMissing, match="was fitted to other weights"):
        read_responses(spec, None)


def test_a_name_says_the_model_and_the_draft() -> None:
    for model, draft in (("smollm2", "thinned"), ("hf:a+b/c", "hf:d+e"), ("hf:x", "builtin")):
        plan = recipes.responses_of(model, draft)
        assert recipes.recipe_named(plan.name) == plan
        assert plan.name in recipes.recipes(model, draft)
    assert recipes.responses_of("smollm2").words == "radar-responses-smollm2"
    drafted = recipes.responses_of("smollm2", "hf:d")
    assert drafted.words == "'text/radar-responses-*' --set draft=hf:d"
    for made in (recipes.recipe_of, recipes.table_of):
        assert recipes.recipe_named(made("hf:a b").name) == made("hf:a b")
