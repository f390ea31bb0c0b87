"""Every Llama that our own forward reads, against transformers'; and what is refused, by name."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.harness.errors import AdabenchError
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText, shape
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import Plan, prefill_real
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import from_llama, soft
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import (
    is_llama,
    shape_of,
)
from adabench.workloads.depth_width.substrate.units.unit_forward import Choice, all_units
from tests.workloads.depth_width.pretrained import tiny_checkpoints

pytest.importorskip("transformers", reason="the extra `real` is not installed")

TOKENS = 48
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 16,
}  # fmt: skip
YARN = {
    "rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
LINEAR = {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama, a head of its own": ("Llama", {"tie_word_embeddings": False}),
    "llama, attention biases": ("Llama", {"attention_bias": True}),
    "llama, wide heads": ("Llama", {"head_dim": 16}),
    "llama, positions of llama3": ("Llama", {"rope_parameters": LLAMA3}),
    "llama, linear positions": ("Llama", {"rope_parameters": LINEAR}),
    "llama, yarn": ("Llama", {"rope_parameters": YARN}),
    "qwen2": ("Qwen2", {}),
    "qwen3": ("Qwen3", {"head_dim": 12}),
    "qwen3, attention biases": ("Qwen3", {"attention_bias": True, "head_dim": 12}),
    "mistral, a window as long as a text": ("Mistral", {"sliding_window": TOKENS}),
    "mistral, one key head": ("Mistral", {"num_key_value_heads": 1, "sliding_window": None}),
}
"""What is read exactly: a name, transformers' class, and what differs from the common shape."""


def tokens() -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(tiny_checkpoints.VOCABULARY, (3, TOKENS), generator=draw)


@pytest.fixture(params=VARIANTS)
def llama(request: pytest.FixtureRequest) -> Any:
    kind, changes = VARIANTS[request.param]
    return tiny_checkpoints.model(kind, num_hidden_layers=3, **changes)


def test_logits_are_those_of_transformers(llama: Any):
    with torch.no_grad():
        theirs = llama(tokens()).logits
    ours = prefill_real(from_llama(llama, TOKENS), tokens(), all_units, Plan(), tile=2)
    assert theirs.std() > 0.3
    torch.testing.assert_close(ours.logits, theirs, atol=1e-4, rtol=1e-4)


def test_gathered_is_masked(llama: Any):
    """Attention and MLPs of some rows alone give what all rows give, mixed by the same decisions."""
    model, draw = from_llama(llama, TOKENS), torch.Generator().manual_seed(2)
    runs = torch.rand(2 * 3, tokens().numel(), generator=draw) < 0.5

    def mix(unit: int, x: Tensor, output: Any) -> Tensor:
        run = runs[unit].view(*x.shape[:-1], 1)
        return torch.where(run, output(), torch.zeros_like(x))

    masked = model.head(model.norm(soft(model, tokens(), mix)))
    ours = prefill_real(
        model,
        tokens(),
        lambda unit, rows, work: Choice(runs[unit].nonzero()[:, 0]),
        Plan(asked=range(6)),
        tile=3,
    )
    torch.testing.assert_close(ours.logits, masked, atol=1e-4, rtol=1e-4)
    assert ours.executions().sum() == 0.5 * runs.sum()


def test_operations_of_a_whole_reading_are_what_torch_counts(llama: Any):
    """Of our forward exactly; of transformers' within 1 %, whose attention counts the same."""
    model = from_llama(llama, TOKENS)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        ours = prefill_real(model, tokens(), all_units, Plan(), tile=3)
    counted = sum(work.flops for _, work in ours.works)
    assert counted == counter.get_total_flops()
    llama.set_attn_implementation("eager")
    with torch.no_grad(), FlopCounterMode(display=False) as theirs:
        llama(tokens())
    rotations = 2 * TOKENS * shape_of(llama.config, TOKENS).each  # their angles are a product
    assert counted == pytest.approx(theirs.get_total_flops() - rotations, rel=0.01)


def test_weights_are_counted_from_the_shape(llama: Any):
    """What is left out are norms and biases."""
    matrices = sum(
        weight.numel() for weight in from_llama(llama, TOKENS).parameters() if weight.dim() == 2
    )
    assert shape_of(llama.config, TOKENS).weights == matrices


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("Llama", {"mlp_bias": True}),
        ("Llama", {"hidden_act": "gelu"}),
        ("Llama", {"max_position_embeddings": 32}),
        ("Mistral", {"sliding_window": TOKENS - 1}),
        ("Qwen2", {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}),
        ("Llama", {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}}),
        ("Gemma", {}),
    ],
)
def test_what_our_forward_cannot_do_exactly_is_none_of_its_own(kind: str, changes: dict[str, Any]):
    plain = {"sliding_window": None} if kind == "Mistral" else {}
    assert is_llama(tiny_checkpoints.config(kind, **plain), TOKENS) == (kind != "Gemma")
    assert not is_llama(tiny_checkpoints.config(kind, **changes), TOKENS)


def test_a_window_that_a_configuration_does_not_use_is_none():
    unused = tiny_checkpoints.config("Qwen2", use_sliding_window=False, sliding_window=8)
    assert shape_of(unused, TOKENS).qkv_bias


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("builtin", "not a model with weights here"),
        ("openai:http://127.0.0.1:9/v1#x", "not a model with weights here"),
        ("hf:/no/such/folder", "no folder /no/such/folder"),
        ("smollm3", "names no model"),
    ],
)
def test_what_names_no_weights_is_refused(model: str, says: str):
    with pytest.raises(AdabenchError, match=says) as refused:
        shape(ModelAndText(model))
    assert refused.value.exit_code == 2
