"""Gates: a policy that misses one is not used, and the message says which."""

import json

import pytest
from safetensors.torch import save_file

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.agents.lookup.training.gate_figures import decided_auc
from adabench.workloads.agents.substrate import policies
from adabench.workloads.agents.substrate.policy_recipes import GATES, VALUE_GATES
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.shared.training.recipe_card import misses

from ..lookup.scripted_policy import random_model

NAME = "agent-s-s0"
GOOD = {gate.figure: (gate.low + gate.high) / 2 for gate in GATES}


def written(folder, figures):
    save_file(checkpoints.halves(random_model().state_dict()), folder / f"{NAME}.safetensors")
    (folder / f"{NAME}.json").write_text(json.dumps({"dev": figures}), encoding="utf-8")
    return folder


def test_a_policy_that_passes_its_gates_is_loaded(tmp_path):
    engine = policies.engine(NAME, written(tmp_path, GOOD))
    assert engine.shape.reads_previous


@pytest.mark.parametrize("gate", GATES, ids=[gate.figure for gate in GATES])
def test_a_policy_that_misses_a_gate_is_refused_by_name(gate, tmp_path):
    outside = gate.low - 0.01 if gate.low > 0 else gate.high + 0.01
    with pytest.raises(EnvironmentProblem, match=gate.figure) as refused:
        policies.engine(NAME, written(tmp_path, {**GOOD, gate.figure: outside}))
    assert "adabench train 'agent-s-s*'" in refused.value.hint


def test_a_figure_that_was_not_measured_is_a_gate_that_is_missed(tmp_path):
    rest = {name: value for name, value in GOOD.items() if name != "binding"}
    with pytest.raises(EnvironmentProblem, match="binding was not measured"):
        policies.engine(NAME, written(tmp_path, rest))
    (tmp_path / f"{NAME}.json").unlink()
    with pytest.raises(EnvironmentProblem, match="kb_dir was not measured"):
        policies.engine(NAME, tmp_path)


def test_a_value_head_has_a_gate_of_its_own():
    assert misses({"value_auc": 0.71}, VALUE_GATES) == []
    assert "value_auc is 0.690" in misses({"value_auc": 0.69}, VALUE_GATES)[0]


def test_a_policy_that_is_nowhere_says_what_makes_it(tmp_path):
    with pytest.raises(EnvironmentProblem, match="agent-s-s0 is not in") as missing:
        policies.engine(NAME, tmp_path)
    assert "adabench train agent-s-s0" in missing.value.hint


def test_the_area_under_the_curve_counts_ties_half():
    assert decided_auc([0.1, 0.9], [False, True]) == 1
    assert decided_auc([0.5, 0.5], [False, True]) == 0.5
    assert decided_auc([0.2, 0.1, 0.3, 0.4], [True, False, False, True]) == 0.75
    assert decided_auc([0.3], [True]) == 0.5
