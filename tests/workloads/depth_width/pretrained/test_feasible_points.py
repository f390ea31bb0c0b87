"""Points that a model is too shallow for: named by a plan."""

from pathlib import Path
from typing import Any

import pytest

from adabench.harness.errors import MissingAbility
from adabench.harness.run.condition_check import check_conditions
from adabench.harness.run.run_request import RunRequest, plan_turns
from adabench.workloads.depth_width.pretrained.substrate.feasible_points import check_point
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import RealShape
from tests.workloads.depth_width.pretrained import tiny_checkpoints

pytest.importorskip("transformers", reason="the extra `real` is not installed")


def shape(layers: int, hidden: int = 48) -> RealShape:
    return RealShape(layers, 32, hidden, 4, 2, 64, 256, 1e4, 1e-5)


@pytest.mark.parametrize(
    ("layers", "method", "point", "says"),
    [
        (2, "static_units", {"sparsity": 0.15, "order": "late"}, "less than one layer"),
        (4, "static_units", {"sparsity": 0.15, "order": "late"}, "less than one layer"),
        (4, "static_units", {"sparsity": 0.25, "order": "late"}, ""),
        (4, "static_units", {"sparsity": 0.15, "order": "fitted"}, ""),
        (2, "static_units", {"sparsity": 0.15, "order": "fitted"}, "less than one unit"),
        (1, "early_exit", {"confidence": 0.9}, "none behind which words could leave"),
        (2, "early_exit", {"confidence": 0.9}, ""),
        (1, "dr_llm", {"p": -0.5}, "leaves out one of 1 layer"),
        (2, "dr_llm", {"p": -0.5}, ""),
        (2, "static_path", {"length": 0.9}, ""),
        (12, "static_path", {"length": 4}, "No static path of 4 of its 12 layers"),
        (1, "vanilla", {"depth": "all"}, ""),
        (1, "informed_routing", {"sparsity": 0.15}, ""),
    ],
)
def test_what_a_shallow_model_cannot_have(layers: int, method: str, point: Any, says: str):
    if not says:
        check_point(shape(layers), method, point)
        return
    with pytest.raises(MissingAbility, match=says) as lacking:
        check_point(shape(layers), method, point)
    assert lacking.value.hint


@pytest.mark.parametrize(("hidden", "says"), [(0, "are experts"), (50, "2 hidden units more")])
def test_mlps_that_cannot_be_cut_have_no_widths(hidden: int, says: str):
    for method in ("acm", "random_width", "static_width"):
        with pytest.raises(MissingAbility, match=says):
            check_point(shape(8, hidden), method, {})


def test_a_plan_on_two_layers_names_what_will_be_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    model = tiny_checkpoints.save("GPTNeoX", tmp_path / "model", num_hidden_layers=2)
    text = tiny_checkpoints.write_text(tmp_path / "text.txt", 30_000)
    select = ("pretrained/vanilla", "pretrained/static_units", "pretrained/early_exit")
    request = RunRequest(select, (f"model=hf:{model}", f"data={text}"), alone=True, seeds="0")
    found = check_conditions(plan_turns(request))
    assert {one.methods for one in found} == {("pretrained/static_units",)}
    assert any(
        f"hf:{model}: 15 % of its 4 units is less than one layer" in one.why for one in found
    )
