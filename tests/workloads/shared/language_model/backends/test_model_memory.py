"""What a model needs is estimated without its weights, and held against what is free."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends import model_memory
from adabench.workloads.shared.language_model.backends.model_memory import (
    MemoryNeed,
    check_room,
    free_bytes,
    needed,
)

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")
CPU = torch.device("cpu")


def test_the_need_is_that_of_the_weights_tied_ones_once(llama_folder: Path):
    config = transformers.AutoConfig.from_pretrained(llama_folder)
    config.tie_word_embeddings = True
    with torch.device("meta"):
        bare = transformers.AutoModelForCausalLM.from_config(config)
    need = needed(bare, torch.bfloat16, 256)
    real = transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    assert need.weights_bytes == sum(weight.nbytes for weight in real.parameters())
    assert need.position_bytes == 2 * 2 * 2 * 8 * 2  # layers, keys and values, heads, width, bytes
    assert need.total_bytes == need.weights_bytes + 256 * need.position_bytes


def machine(folder: Path, monkeypatch, available_kb: int, cgroup: dict[str, str]) -> None:
    meminfo = folder / "meminfo"
    meminfo.write_text(f"MemTotal: 9999 kB\nMemAvailable:  {available_kb} kB\n")
    for name, text in cgroup.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(model_memory, "MEMINFO", meminfo)
    monkeypatch.setattr(model_memory, "CGROUP", folder)


def test_a_container_may_have_less_than_its_machine(tmp_path, monkeypatch):
    machine(tmp_path, monkeypatch, 5000, {})
    assert free_bytes(CPU) == 5000 * 1024
    limits = {
        "memory.max": "1000\n",
        "memory.current": "700\n",
        "memory.stat": "anon 5\ninactive_file 100\n",
    }
    machine(tmp_path, monkeypatch, 5000, limits)
    assert free_bytes(CPU) == 400
    machine(tmp_path, monkeypatch, 5000, {"memory.max": "max\n"})
    assert free_bytes(CPU) == 5000 * 1024


def test_a_model_that_cannot_fit_is_refused_and_silence_refuses_nothing(tmp_path, monkeypatch):
    need = MemoryNeed(parameters=10**9, weights_bytes=4 * 10**9, position_bytes=1000, positions=10)
    machine(tmp_path, monkeypatch, 10**6, {})
    with pytest.raises(
        SelectionError, match=r"hf:x needs about 4.00 GB on cpu .* 1.02 GB are free"
    ):
        check_room(need, CPU, "hf:x")
    machine(tmp_path, monkeypatch, 4 * 10**6, {})
    assert check_room(need, CPU, "hf:x") == 4096 * 10**6
    monkeypatch.setattr(model_memory, "MEMINFO", tmp_path / "absent")
    monkeypatch.setattr(model_memory, "CGROUP", tmp_path / "absent")
    assert check_room(need, CPU, "hf:x") is None


class Boards:
    """Two boards with 100 and 200 bytes free; it stands for NVML and for a machine."""

    def handles(self):
        return self, [0, 1]

    def nvmlDeviceGetUUID(self, board: int) -> str:
        return ("GPU-aa11", "GPU-bb22")[board]

    def nvmlDeviceGetMemoryInfo(self, board: int) -> SimpleNamespace:
        return SimpleNamespace(free=100 * (board + 1))


@pytest.mark.parametrize(
    ("visible", "index", "free"),
    [(None, 0, 100), (None, 1, 200), ("1", 0, 200), ("GPU-bb", 0, 200), ("1", 1, None),
     ("MIG-x", 0, None), ("7", 0, None)],
)  # fmt: skip
def test_a_board_is_asked_by_nvml_whatever_its_number_is_to_cuda(visible, index, free):
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert model_memory._board_free(index, Boards(), variables) == free  # type: ignore[arg-type]
