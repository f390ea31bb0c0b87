"""A model on a device reads what it reads on the processor, and what is skipped is no kernel's work.

Where there is no GPU a double of a device finds tensors that were left behind.
"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from adabench.harness.contract import registry
from adabench.harness.contract.protocols import case_shape
from adabench.kernels import dispatch, gathered_mlp
from adabench.workloads.depth_width.pretrained import task as pretrained
from adabench.workloads.depth_width.pretrained.substrate import model_and_text
from adabench.workloads.depth_width.substrate.learners import LEARNERS, SLOTS
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import RealBackbone
from tests.workloads.depth_width.pretrained import tiny_checkpoints
from tests.workloads.depth_width.pretrained.device_double import PLACE, device_double

pytest.importorskip("transformers", reason="the extra `real` is not installed")

PATHS = ("dr_llm", "full_path", "random_paths", "static_path")
STREAMS = (
    "acm", "early_exit", "greedy_skip", "informed_routing", "random_exit", "random_units",
    "random_width", "static_units", "static_width", "vanilla",
)  # fmt: skip
SETTLED = ("full_path", "static_path", "static_units", "static_width", "vanilla")
"""Nobody decides here, so nothing can be decided otherwise for a last digit."""
WORDS = 512
"""Of a batch: two windows of 256."""
on_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model, a text, and a cache in which parts are fitted once."""
    made = tmp_path_factory.mktemp("device")
    tiny_checkpoints.save("Qwen2", made / "Qwen2")
    tiny_checkpoints.write_text(made / "text.txt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADABENCH_CACHE", str(made / "cache"))
        yield made


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `cuda` be the device that is not there."""

    @functools.cache
    def placed(model: str, dtype: str, device: str) -> RealBackbone:
        made = model_and_text._from_folder(model, getattr(torch, dtype))
        made.to(model_and_text.torch_device(device)).tie()
        return made

    monkeypatch.setattr(model_and_text, "_placed", placed)
    monkeypatch.setattr(
        model_and_text, "torch_device", lambda name: torch.device("cpu") if name == "cpu" else PLACE
    )


def load(folder: Path, name: str, device: str) -> pretrained.Pretrained:
    return pretrained.load(
        "embedded", 0, model=f"hf:{folder / 'Qwen2'}", data=str(folder / "text.txt"), device=device,
        fitting=0.01, batches=1, sequences=32, prompt=64 if name in PATHS else 0,
    )  # fmt: skip


def answered(folder: Path, name: str, device: str) -> tuple[dict[str, float], Any]:
    """Return what a method's answer scores, and the answer."""
    loaded, entry = load(folder, name, device), registry.find(f"pretrained/{name}")
    method, point = registry.load(entry), entry.card.defaults
    (case,) = loaded.cases()
    answer = method.solve(method.prepare(loaded, point, 0), case, point)
    return dict(loaded.score(case, answer)), answer


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("name", [*PATHS, *STREAMS])
def test_nothing_is_left_behind_on_the_processor(folder: Path, name: str):
    here, said = answered(folder, name, "cpu")
    with device_double() as traffic:
        there, heard = answered(folder, name, "cuda")
        most = max(traffic.returned)
        logits = heard.logits.cpu()
    assert there == pytest.approx(here, rel=1e-4)
    torch.testing.assert_close(logits, said.logits, atol=1e-4, rtol=0)
    assert torch.equal(logits.argmax(-1), said.logits.argmax(-1))
    assert most < logits.numel() / 4  # chances that are asked for, and not all of them


@pytest.mark.usefixtures("nowhere")
def test_the_double_refuses_what_a_gpu_refuses():
    with device_double() as traffic:
        there = torch.arange(6.0).to(PLACE)
        with pytest.raises(AssertionError, match="two devices"):
            there + torch.ones(6)
        assert (there + 1).device == PLACE
        assert float(there.sum()) == 15.0
        assert there.cpu().tolist() == [0, 1, 2, 3, 4, 5]
    assert traffic.returned == [6]


@pytest.mark.parametrize(
    ("device", "code", "says"),
    [("cuda:77", 3, "cuda:77 is not here"), ("gpu", 2, "'gpu' is no device")],
)
def test_a_device_that_is_not_here_is_refused_with_a_sentence(
    folder: Path, command: Any, tmp_path: Path, device: str, code: int, says: str
):
    own = ("--model", f"hf:{folder / 'Qwen2'}", "--data", folder / "text.txt")
    out = tmp_path / "r"
    done = command("run", "pretrained/vanilla", "--alone", *own, "--device", device, "--out", out)
    message, *hint = done.stderr.splitlines()
    assert (done.returncode, says in message, len(hint)) == (code, True, 1), done.stderr
    assert not out.exists()


@pytest.mark.usefixtures("nowhere")
def test_each_batch_is_warmed_up_on_a_device(folder: Path):
    shapes = []
    for device in ("cuda", "cpu"):
        loaded = load(folder, "vanilla", device)
        batches = list(loaded.cases()) + list(loaded.cases())
        shapes.append({case_shape(loaded.substrate(), case) for case in batches})
    assert shapes == [{"batch 0"}, {""}]


@pytest.mark.parametrize("name", [pytest.param(one, marks=on_gpu) for one in (*PATHS, *STREAMS)])
def test_a_gpu_reads_what_the_processor_reads(folder: Path, name: str):
    here, said = answered(folder, name, "cpu")
    words = said.logits
    there, heard = answered(folder, name, "cuda")
    logits = heard.logits.cpu()
    assert there == pytest.approx(here, rel=1e-3)
    same = (logits.argmax(-1) == words.argmax(-1)).float().mean()
    if name in SETTLED:
        torch.testing.assert_close(logits, words, atol=1e-4, rtol=0)
        assert same == 1
    else:  # a router's last digit may decide otherwise here and there
        assert same > 0.99


def hidden_of_mlps(answer: Any) -> int:
    """Count from what was noted: rows times hidden units, of MLPs that not everybody ran."""
    found = 0
    for _, work in answer.works:
        for unit, flat in work.runs:
            found += (
                tiny_checkpoints.COMMON["intermediate_size"]
                * (unit % 2 == 1 and len(flat) < WORDS)
                * len(flat)
            )
    return found


def hidden_of_learners(answer: Any) -> int:
    """Count the same of learners, in layers where not everybody took as many."""
    found = 0
    each = tiny_checkpoints.COMMON["intermediate_size"] // LEARNERS
    for _, work in answer.works:
        rows: dict[int, list[int]] = {}
        for slot, flat in work.runs:
            if slot % SLOTS >= SLOTS - LEARNERS:
                rows.setdefault(slot // SLOTS, []).append(len(flat))
        found += sum(each * sum(one) for one in rows.values() if set(one) != {WORDS})
    return found


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=on_gpu)])
@pytest.mark.parametrize(
    ("name", "counted"), [("informed_routing", hidden_of_mlps), ("acm", hidden_of_learners)]
)
def test_what_is_skipped_is_no_kernel_s_work(
    folder: Path,
    name: str,
    counted: Callable[[Any], int],
    device: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """The kernel's rows are those that were noted: Triton's on a GPU, the reference's elsewhere."""
    owner: Any = gathered_mlp
    attribute = "gated_reference_"
    if device == "cuda":
        pytest.importorskip("triton", reason="the extra adabench[kernels] is not installed")
        from adabench.kernels import triton_kernels

        owner, attribute = triton_kernels, "gated_mlp_add_"
        assert dispatch.runs_triton(torch.zeros(1, device="cuda"))
    worked: list[int] = []
    kernel = getattr(owner, attribute)

    def watched(stream: Tensor, x: Tensor, rows: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
        worked.append(len(rows) * down.shape[1])
        made: Tensor = kernel(stream, x, rows, gate_up, down)
        return made

    loaded, entry = load(folder, name, device), registry.find(f"pretrained/{name}")
    method, point = registry.load(entry), entry.card.defaults
    (case,) = loaded.cases()
    state = method.prepare(loaded, point, 0)
    monkeypatch.setattr(owner, attribute, watched)
    answer = method.solve(state, case, point)
    whole = (
        WORDS
        * tiny_checkpoints.COMMON["intermediate_size"]
        * (tiny_checkpoints.COMMON["num_hidden_layers"])
    )
    assert 0 < sum(worked) == counted(answer) < whole
