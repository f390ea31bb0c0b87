"""`adabench run text --device cuda` from the outside."""

from pathlib import Path
from typing import Any

import pytest
import torch

from adabench.harness.store import run_folder

pytest.importorskip("transformers", reason="the extra `real` is not installed")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
FEW = ("--alone", "--seeds", 0, "--set", "problems=2", "--set", "N=2", "--no-report")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_votes_and_searches_run_on_the_device(
    command: Any, llama_folder: Path, tmp_path: Path, dtype: str
) -> None:
    names = ("greedy", "majority", "rebase", "ets")
    done = command(
        "run", *(f"text/{name}" for name in names), *FEW, "--model", f"hf:{llama_folder}",
        "--device", "cuda", "--dtype", dtype, "--out", tmp_path / "r",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    records = list(run_folder.records(tmp_path / "r"))
    assert {record.cell.method for record in records} == set(names)
    for record in records:
        assert record.status == "ok", record.note
        values = record.values
        assert min(values[name] for name in ("generated", "flops_counted", "kv_peak_bytes")) > 0
        assert 0 < values["ttft_s"] < values["latency_s"]


def test_a_reward_model_judges_on_the_device(
    command: Any, llama_folder: Path, reward_folder: Any, tmp_path: Path
) -> None:
    judge = reward_folder("SequenceClassification")
    done = command(
        "run", "text/best_of_n", *FEW, "--model", f"hf:{llama_folder}", "--judge", f"hf:{judge}",
        "--device", "cuda", "--set", "by=judge", "--out", tmp_path / "r",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(record.values["judged"] > 0 for record in run_folder.records(tmp_path / "r"))


def test_doctor_shows_a_model_on_the_device(command: Any, llama_folder: Path) -> None:
    done = command("doctor", "--model", f"hf:{llama_folder}", "--device", "cuda")
    assert done.returncode == 0, done.stderr
    assert "cuda:0" in done.stdout
    assert "bfloat16" in done.stdout
