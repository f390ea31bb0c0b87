"""A model and a text of one's own, from the folder to the records."""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from adabench.harness.contract import registry
from adabench.harness.contract.recipes import find_recipes
from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import DeviceUnavailable, EnvironmentProblem, SelectionError
from adabench.harness.run.block import MOST_ALIVE, MOST_ON_DEVICE, load_block
from adabench.harness.run.execute import execute
from adabench.harness.run.run_request import RunRequest, create_run, plan_turns, remaining_records
from adabench.harness.run.settings import Settings
from adabench.harness.store import staged_training
from adabench.workloads.depth_width.pretrained import task as pretrained
from adabench.workloads.depth_width.pretrained.substrate import model_and_text, plans
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from tests.workloads.depth_width.pretrained import tiny_checkpoints

READS = ("<all recipes>",)
"""For tests/suite/dependencies.py."""

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")

FITTING, LAYERS = 0.01, 8
PATHS = ("dr_llm", "static_path")
STREAMS = ("acm", "early_exit", "informed_routing", "random_units", "static_units", "vanilla")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text, and checkpoints of three families."""
    made = tmp_path_factory.mktemp("own")
    for kind in ("Llama", "Qwen2", "Mistral"):
        tiny_checkpoints.save(kind, made / kind)
    tiny_checkpoints.write_text(made / "text.txt")
    return made


@pytest.fixture(scope="module", autouse=True)
def cache(folder: Path) -> Iterator[Path]:
    """One cache folder for all tests, so that parts are fitted once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADABENCH_CACHE", str(folder / "cache"))
        yield folder / "cache"


def conditions(folder: Path, kind: str) -> dict[str, Any]:
    return {
        "model": f"hf:{folder / kind}", "data": str(folder / "text.txt"), "fitting": FITTING,
        "batches": 1, "sequences": 32,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Qwen2", "Mistral"])
@pytest.mark.parametrize("name", ["vanilla", "informed_routing", "early_exit", "acm", "dr_llm"])
def test_methods_read_another_family(folder: Path, kind: str, name: str):
    card = registry.find(f"pretrained/{name}").card
    loaded = pretrained.load(
        "embedded", 0, **conditions(folder, kind), prompt=64 if name in PATHS else 0
    )
    method = registry.load(registry.find(f"pretrained/{name}"))
    state = method.prepare(loaded, card.defaults, 0)
    (case,) = loaded.cases()
    answer = method.solve(state, case, card.defaults)
    values = loaded.score(case, answer)
    words = torch.from_numpy(loaded.batches[0][:, max(1, loaded.prompt) :].copy())
    logits = answer.logits[:, -words.shape[1] :]
    wanted = float(F.cross_entropy(logits.flatten(0, 1), words.flatten()))
    assert values["nll_token"] == pytest.approx(wanted)
    assert values["likelihood"] == pytest.approx(math.exp(-wanted))
    if name == "vanilla":
        assert values["executions"] == LAYERS
    else:
        assert 0 < values["executions"] <= LAYERS


def test_a_run_takes_a_model_from_a_folder_to_records(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    fixed = [f"{name}={value}" for name, value in conditions(folder, "Llama").items()]
    select = tuple(f"pretrained/{name}" for name in (*PATHS, *STREAMS))
    request = RunRequest(select, tuple(fixed), star=False, seeds="0", alone=True)
    with create_run(tmp_path / "run", plan_turns(request), request) as run:
        records = list(remaining_records(run))
    assert [record.note for record in records if record.status != "ok"] == []
    solved = {record.cell.method: record for record in records if record.phase == "solve"}
    assert set(solved) == {*PATHS, *STREAMS}
    for record in solved.values():
        assert record.cell.conditions["model"] == f"hf:{folder / 'Llama'}"
        assert record.values["likelihood"] == pytest.approx(math.exp(-record.values["nll_token"]))
    assert solved["vanilla"].values["executions"] == LAYERS
    assert solved["static_path"].values["executions"] == round(0.9 * LAYERS)
    for name in ("informed_routing", "acm", "static_units"):
        assert solved[name].values["flops_counted"] < solved["vanilla"].values["flops_counted"]
    for name in ("informed_routing", "acm", "dr_llm", "early_exit"):
        assert len(solved[name].trained) == 1
    said = capfd.readouterr().err
    assert said.count("real-informed was never fitted") == 1
    assert "That happens once, takes about" in said


def test_training_and_running_share_a_cache(folder: Path, cache: Path):
    own = {
        "model": f"hf:{folder / 'Qwen2'}", "data": str(folder / "text.txt"), "fitting": "0.02"
    }  # fmt: skip
    (recipe,) = find_recipes(("pretrained/real-exits",), own)
    shipped = plans.FOLDER / f"real-exits{SUFFIX}"
    before = shipped.read_bytes()
    assert staged_training.where(recipe) == "missing"
    staged_training.follow_recipe(recipe)
    assert staged_training.where(recipe) == "cached"
    assert shipped.read_bytes() == before
    made = recipe.plan.home / f"real-exits{SUFFIX}"
    assert made.is_relative_to(cache)
    first = made.stat().st_mtime_ns
    loaded = pretrained.load("embedded", 0, **{**conditions(folder, "Qwen2"), "fitting": 0.02})
    assert loaded.reader("early-exit").lenses.after == (5, 6, 7)
    assert made.stat().st_mtime_ns == first
    names = {recipe.name for recipe in find_recipes(("pretrained/*",), own)}
    assert names == {recipe.name for recipe in find_recipes(("pretrained/real-*",))}
    with pytest.raises(SelectionError, match="No recipe depends on flavour"):
        find_recipes((), {"flavour": "none"})


def test_a_fit_belongs_to_its_weights_and_its_text(folder: Path, tmp_path: Path):
    source = ModelAndText(f"hf:{folder / 'Llama'}", str(folder / "text.txt"))
    other = dataclasses.replace(source, model=f"hf:{folder / 'Mistral'}")
    longer = tiny_checkpoints.write_text(tmp_path / "longer.txt", 50_000)
    digests = {
        model_and_text.digest(one)
        for one in (source, other, dataclasses.replace(source, data=str(longer)))
    }
    assert len(digests) == 3
    again = dataclasses.replace(source, device="cuda", dtype="bfloat16", fitting=0.5)
    assert model_and_text.digest(again) in digests


@pytest.mark.parametrize("name", ["vanilla", "informed_routing", "early_exit", "acm", "dr_llm"])
def test_half_the_numbers_say_nearly_the_same_in_half_the_bytes(folder: Path, name: str):
    card, method = (
        registry.find(f"pretrained/{name}").card,
        registry.load(registry.find(f"pretrained/{name}")),
    )
    values = []
    for dtype in ("float32", "bfloat16"):
        given = {**conditions(folder, "Qwen2"), "dtype": dtype}
        loaded = pretrained.load("embedded", 0, **given, prompt=64 if name in PATHS else 0)
        (case,) = loaded.cases()
        state = method.prepare(loaded, card.defaults, 0)
        values.append(loaded.score(case, method.solve(state, case, card.defaults)))
    whole, half = values
    assert half["parameters_bytes"] == pytest.approx(whole["parameters_bytes"] / 2)
    assert half["nll_token"] == pytest.approx(whole["nll_token"], rel=0.1)
    assert half["executions"] == pytest.approx(whole["executions"], rel=0.1)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_a_run_knows_when_the_model_is_on_a_device(
    folder: Path, device: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(model_and_text, "torch_device", lambda _: torch.device("cpu"))
    given = {**conditions(folder, "Llama"), "device": device, "dtype": "float32"}
    loaded = load_block(Cell("pretrained", "vanilla", {"depth": "all"}, given, "embedded", 0))
    assert loaded.on_device == (device == "cuda")
    assert loaded.most_alive == (MOST_ON_DEVICE if device == "cuda" else MOST_ALIVE)


def test_a_model_that_does_not_fit_a_device_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(model_and_text, "torch_device", torch.device)
    monkeypatch.setattr(model_and_text, "free_bytes", lambda _: 1000)
    source = ModelAndText(f"hf:{folder / 'Llama'}", str(folder / "text.txt"), device="cuda")
    with pytest.raises(EnvironmentProblem, match=r"and cuda has free 0\.0 GB"):
        source.check()
    dataclasses.replace(source, device="cpu").check()


def test_what_is_missing_ends_a_run_of_this_task_before_a_model_is_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    read: list[str] = []
    monkeypatch.setattr(model_and_text, "_from_folder", lambda model, dtype: read.append(model))
    own = conditions(folder, "Llama")
    for change, problem in (
        ({"data": "brown"}, EnvironmentProblem),
        ({"device": "cuda:77"}, DeviceUnavailable),
        ({"data": str(tmp_path / "none.txt")}, SelectionError),
        ({"dtype": "float8"}, SelectionError),
    ):
        cell = Cell("pretrained", "vanilla", {"depth": "all"}, {**own, **change}, "embedded", 0)
        with pytest.raises(problem) as ended:
            list(execute([Turn(cell, 0)], Settings(window_s=0.0), alone=True))
        assert ended.value.hint
    cell = dataclasses.replace(cell, conditions={**own, "data": "brown"})
    (record,) = execute([Turn(cell, 0)], Settings(window_s=0.0))
    assert (record.status, "Brown" in record.note) == ("error", True)
    assert not read


def test_a_model_that_needs_more_memory_than_there_is_is_refused(folder: Path, tmp_path: Path):
    for name in ("tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / "Llama" / name).read_bytes())
    config = json.loads((folder / "Llama" / "config.json").read_text())
    config |= {"hidden_size": 2**18, "intermediate_size": 2**20, "head_dim": 2**10}
    (tmp_path / "config.json").write_text(json.dumps(config))
    source = ModelAndText(f"hf:{tmp_path}", str(folder / "text.txt"))
    with pytest.raises(EnvironmentProblem, match=r"take about [\d.]+ GB in float32") as refused:
        source.check()
    assert "--dtype bfloat16" in refused.value.hint


def test_windows_of_a_file_are_held_out_by_text(folder: Path):
    source = ModelAndText(f"hf:{folder / 'Llama'}", str(folder / "text.txt"))
    held, fit = (model_and_text.windows(source, split) for split in ("held-out", "fit"))
    assert len(held) + len(fit) == pytest.approx(40_000 / 257, rel=0.1)
    assert 3 < len(fit) / len(held) < 6
    assert not {row.tobytes() for row in held} & {row.tobytes() for row in fit}
    assert source.words("ab n") == (0, 1, 14, 13)
    assert np.all(held < tiny_checkpoints.VOCABULARY)
