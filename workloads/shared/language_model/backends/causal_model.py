"""Says what an engine must know of any causal language model: its ends, its FLOPs, and whether it can be run.

    a row that attends to s positions   2 P + 2 L h (k + v) s      (h heads, keys of k and values of v)
    a head                              2 w V                      (w: width of a state)

P is all weights of matrices that a row meets, without embedding and head; of experts only the share that is routed to.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem

_ATTENTION = {"full_attention", "sliding_attention"}
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
_EXPERTS_PER_ROW = ("num_experts_per_tok", "moe_k", "top_k_experts")
NO_END = -1
"""The end of a model that names none."""


@dataclass(frozen=True)
class Attention:
    """The sizes of a model's attention."""

    layers: int
    heads: int
    shared_heads: int
    """Of keys and values."""
    key_width: int
    value_width: int

    @property
    def position_numbers(self) -> int:
        """Return how many numbers the keys and values of a position are."""
        return self.layers * self.shared_heads * (self.key_width + self.value_width)

    @property
    def position_flops(self) -> int:
        """Return what attending to one position costs, in all layers."""
        return 2 * self.layers * self.heads * (self.key_width + self.value_width)


def attention(config: Any) -> Attention:
    """Read the sizes of a model's attention from its configuration."""
    heads: int = config.num_attention_heads
    layers: int = config.num_hidden_layers
    if getattr(config, "kv_lora_rank", None):  # compressed keys and values are cached spread out
        key = config.qk_nope_head_dim + config.qk_rope_head_dim
        return Attention(layers, heads, heads, key, config.v_head_dim)
    shared = getattr(config, "num_key_value_heads", None) or heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    return Attention(layers, heads, shared, width, width)


def matrix_weights(model: Any) -> int:
    """Return the weights of matrices that a row meets, without embeddings and the head."""
    head = model.get_output_embeddings()
    matrices = [
        module.weight
        for module in model.modules()
        if module is not head
        and not isinstance(module, torch.nn.Embedding)
        and isinstance(getattr(module, "weight", None), Tensor)
    ]
    dense: int = sum(weight.numel() for weight in matrices if weight.dim() == 2)
    experts = _expert_weights(model)
    if not experts:
        return dense
    config = model.config.get_text_config()
    per_row = _first(config, _EXPERTS_PER_ROW)
    routed: int = sum(weight.numel() * per_row // len(weight) for weight in experts)
    return dense + routed


def experts(config: Any) -> tuple[int, int]:
    """Return how many experts of a layer a word meets, and how many there are; 0 where there are none."""
    return _first(config, _EXPERTS_PER_ROW), _first(config, _EXPERTS)


def model_ends(model: Any) -> frozenset[int]:
    """Return the words by which a model ends: those that `generate` stops at, else the configuration's."""
    generation = getattr(model, "generation_config", None)
    for source in (generation, model.config, model.config.get_text_config()):
        named = getattr(source, "eos_token_id", None)
        if named is not None:
            return frozenset(named if isinstance(named, list | tuple) else (int(named),))
    return frozenset()


def refuse(model: Any) -> None:
    """Make sure that the engine's pieces and formula hold for a model.

    Raises:
        EnvironmentProblem: for a layer that is not attention or attends to later words, or experts
            that cannot be counted.
    """
    config, name = model.config.get_text_config(), type(model).__name__
    other = set(getattr(config, "layer_types", None) or ()) - _ATTENTION
    experts = _expert_weights(model)
    odd = [
        weight
        for weight in model.parameters()
        if weight.dim() > 2 and not any(weight is one for one in experts)
    ]
    if other or odd or not hasattr(config, "num_attention_heads"):
        what = ", ".join(sorted(other)) or "convolution or recurrence"
        raise EnvironmentProblem(
            f"{name} has layers that are not attention ({what}).",
            "Their state cannot be cut into positions; choose a model with attention alone, or serve "
            "it and name it openai:URL#NAME.",
        )
    if any(getattr(module, "is_causal", True) is False for module in model.modules()):
        raise EnvironmentProblem(
            f"{name} attends to words that come later: as it is configured it writes no text.",
            "Choose a causal language model, such as a Llama.",
        )
    if experts and not _first(config, _EXPERTS_PER_ROW):
        raise EnvironmentProblem(
            f"{name} is a mixture of experts that does not say how many a word meets.",
            "Its FLOPs cannot be counted; choose another model, or serve it (openai:URL#NAME).",
        )


def _expert_weights(model: Any) -> list[Tensor]:
    """Return the stacks of experts' matrices [experts, ., .]."""
    count = _first(model.config.get_text_config(), _EXPERTS)
    return [
        weight
        for name, weight in model.named_parameters()
        if weight.dim() == 3 and "experts" in name and len(weight) == count
    ]


def _first(config: Any, names: tuple[str, ...]) -> int:
    return next((int(found) for name in names if (found := getattr(config, name, None))), 0)
