"""What a Llama-shaped decoder is shaped like, read from its configuration.

Llama (SmolLM too), Mistral, Qwen2 and Qwen3 differ in what this says: width of a head, biases, norms
of queries and keys, a head of its own. A sliding window is the whole window where it is not shorter
than the texts that are read. What our forward pass could not do exactly, and every other family, runs
inside transformers' own layers (`hooked_decoder.py`).
"""

from dataclasses import dataclass
from typing import Any

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")
"""By `model_type` of a configuration."""
ROTATIONS = ("default", "linear", "llama3", "yarn")
"""Positions whose rates do not depend on how long a text is."""


@dataclass(frozen=True)
class RealShape:
    """What a Llama is shaped like."""

    layers: int
    width: int
    hidden: int
    heads: int
    groups: int
    """Key and value heads."""
    vocabulary: int
    tokens: int
    """Longest sequence that positions are made for."""
    rope_base: float
    epsilon: float
    head_width: int = 0
    """Of a head; 0 where the heads share the model's width."""
    qkv_bias: bool = False
    out_bias: bool = False
    head_norms: bool = False
    """Whether queries and keys are normed before they are turned."""
    tied: bool = True
    """Whether the head's matrix is the embedding's."""

    counted: int = 0
    """All weights, where they were counted; 0 where they follow from the shape."""

    @property
    def each(self) -> int:
        """Width of a head."""
        return self.head_width or self.width // self.heads

    @property
    def query(self) -> int:
        """Width of all queries together."""
        return self.heads * self.each

    @property
    def weights(self) -> int:
        """How many weights such a model has, give or take its norms and biases."""
        if self.counted:
            return self.counted
        attention = self.width * self.each * (2 * self.heads + 2 * self.groups)
        layer = attention + 3 * self.width * self.hidden
        return self.layers * layer + (2 - self.tied) * self.vocabulary * self.width


def shape_of(config: Any, tokens: int) -> RealShape:
    """Return the shape that a Llama's configuration describes, for sequences of `tokens`."""
    kind = config.model_type
    attention_bias = bool(getattr(config, "attention_bias", False))
    return RealShape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        hidden=config.intermediate_size,
        heads=config.num_attention_heads,
        groups=config.num_key_value_heads,
        vocabulary=config.vocab_size,
        tokens=tokens,
        rope_base=float(config.rope_parameters["rope_theta"]),
        epsilon=float(config.rms_norm_eps),
        head_width=getattr(config, "head_dim", None) or 0,
        qkv_bias=attention_bias or kind == "qwen2",
        out_bias=attention_bias and kind != "qwen2",
        head_norms=kind == "qwen3",
        tied=bool(config.tie_word_embeddings),
    )


def is_llama(config: Any, tokens: int) -> bool:
    """Say whether our own forward reads a model exactly, in texts of `tokens` words."""
    if config.model_type not in FAMILIES:
        return False
    rope, window = config.rope_parameters, _sliding_window(config)
    return (
        rope["rope_type"] in ROTATIONS
        and rope.get("partial_rotary_factor", 1.0) == 1.0
        and config.hidden_act in ("silu", "swish")
        and not 0 < window < tokens
        and config.max_position_embeddings >= tokens
        and not getattr(config, "mlp_bias", False)
    )


def _sliding_window(config: Any) -> int:
    """Return how far back attention looks where that is limited; 0 where it is not."""
    window = getattr(config, "sliding_window", None) or 0
    types = getattr(config, "layer_types", None)
    limited = config.model_type == "mistral" if types is None else "sliding_attention" in types
    return window if limited else 0
