"""The words of the model, the expert's walks that it learns from, and what is shipped."""

import json
import re
from dataclasses import asdict, replace

import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.tools import checkpoints
from adabench.workloads.agents.tools.substrate import choice_words as words
from adabench.workloads.agents.tools.substrate import choosers
from adabench.workloads.agents.tools.substrate.choosers import (
    CHOOSER_GATES,
    FOLDER,
    chooser,
    chooser_name,
    recipes,
)
from adabench.workloads.agents.tools.task import load
from adabench.workloads.agents.tools.training.expert_walks import draw_layers, walk, walks
from adabench.workloads.shared.training.recipe_card import refuse_misses

from .conftest import method, point
from .expert_chooser import choice

SHIPPED = sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def spell(ids):
    return " ".join(words.WORDS[word] for word in ids)


def test_walks_read_as_the_grammar_says():
    one = next(
        found for found in walks(3) if words.DOWN in found.words and words.DONE in found.words
    )
    pattern = r"(T\d+ = (ok S\d|down T\d+|err T\d+) )+done ;"
    assert re.fullmatch(pattern, spell(one.words))
    assert re.fullmatch(r"<bos> ((T\d+ )+S\d )+>", spell(one.prompt))
    own = spell(word for word, is_own in zip(one.words, one.own, strict=True) if is_own)
    assert re.fullmatch(r"(T\d+ = )+done ;", own)


def test_the_expert_of_the_tests_says_what_walks_say():
    for index, found in zip(range(60), walks(1), strict=False):
        ids = [*found.prompt]
        while len(ids) < len(found.prompt) + len(found.words):
            step = choice(ids)
            start = len(ids) - len(found.prompt)
            assert found.words[start : start + len(step)] == tuple(step), index
            ids += [*step, *found.words[start + len(step) : start + len(step) + 2]]


def test_tools_that_are_late_do_not_occur_in_training_and_splits_do_not_meet():
    seen = [found for _, found in zip(range(400), walks(0), strict=False)]
    assert all(words.LATE not in found.words for found in seen)
    held_out = {draw_layers(seed, "one", "held-out").prompt for seed in range(100)}
    assert not held_out & {found.prompt for found in seen}


def test_a_walk_ends_in_a_hand_off_where_a_stage_is_dead():
    for seed in range(30):
        layers = draw_layers(seed, "stage", "train", 0.0)
        assert words.HAND_OFF in walk(layers, Draws(seed)).words
        assert not layers.is_feasible


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_says_its_recipe_and_its_gates_are_passed(name):
    card = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert card.items() >= json.loads(json.dumps(asdict(recipes()[name]))).items()
    assert card["source"]
    refuse_misses(name, FOLDER, CHOOSER_GATES)


def test_three_trainings_are_shipped_and_small():
    assert [name[:9] for name in SHIPPED] == ["chooser-s"] * 3
    assert sum((FOLDER / f"{name}.safetensors").stat().st_size for name in SHIPPED) < 700_000
    assert {chooser_name("chooser", seed) for seed in range(6)} == set(SHIPPED)
    with pytest.raises(SelectionError, match="no chooser 'choser'"):
        chooser_name("choser", 0)


def test_a_broken_agent_is_refused(tmp_path):
    for dev in ({"clean": 0.97, "one_fault": 0.99}, {"clean": 1.0}, {}):
        (tmp_path / "chooser-s0.json").write_text(json.dumps({"dev": dev}))
        with pytest.raises(EnvironmentProblem, match="misses its gates"):
            refuse_misses("chooser-s0", tmp_path, CHOOSER_GATES)
    with pytest.raises(EnvironmentProblem, match="trains nothing"):
        choosers.restore_chooser("chooser-s4", tmp_path)


def test_a_training_writes_a_file_and_a_card_with_its_figures(tmp_path, monkeypatch):
    few = {name: replace(one, steps=2, batch=4) for name, one in recipes().items()}
    for module in (checkpoints, choosers):
        monkeypatch.setattr(module, "recipes", lambda: few)
    monkeypatch.setattr(checkpoints.train_choosers.figures, "__defaults__", (2,))
    card = checkpoints.train("chooser-s3", folder=tmp_path)
    assert card["dev"]["clean"] == 0
    with pytest.raises(EnvironmentProblem, match="misses its gates"):
        choosers.chooser_engine("chooser-s3", tmp_path)


def test_the_shipped_model_walks_the_paper_s_scenarios_and_its_calls_are_counted():
    task = load("embedded", 0, instances=1)
    right = 0
    for case in task.cases():
        task.meter.clear()
        answer = method("react").solve(task, case, point("react"))
        right += task.score(case, answer)["correct"]
        counts = task.meter
        assert counts["llm_calls"] == counts["tool_calls"] + 1
        assert counts["flops_counted"] > 0
    assert right >= 17
    assert chooser(chooser_name("chooser", 0)).engine.name == "chooser"
