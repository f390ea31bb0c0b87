"""What a Llama-shaped decoder is shaped like, read from its configuration; others are refused by name.

Llama (SmolLM too), Mistral, Qwen2 and Qwen3 differ in what this says: width of a head, biases, norms
of queries and keys, a head of its own. A sliding window is the whole window where it is not shorter
than the texts that are read. Whatever our forward pass could not do exactly is refused before weights
are read.
"""

from dataclasses import dataclass
from typing import Any

from adabench.harness.errors import EnvironmentProblem, SelectionError

FAMILIES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}
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
        attention = self.width * self.each * (2 * self.heads + 2 * self.groups)
        layer = attention + 3 * self.width * self.hidden
        return self.layers * layer + (2 - self.tied) * self.vocabulary * self.width


def shape_of(config: Any, tokens: int) -> RealShape:
    """Return the shape that a configuration of transformers describes, for sequences of `tokens`.

    Raises:
        SelectionError: for a model of another family.
        EnvironmentProblem: for a variant that our forward pass cannot do exactly.
    """
    refuse_other(config, tokens)
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


def refuse_family(kind: str) -> None:
    """Refuse a family of models that is not Llama-shaped, by the name in its configuration.

    Raises:
        SelectionError: naming it, and those that are.
    """
    if kind not in FAMILIES:
        raise SelectionError(
            f"pretrained reads Llama-shaped decoders layer by layer, and this model is {kind!r}.",
            f"Name a model of one of these families: {', '.join(FAMILIES.values())} or SmolLM.",
        )


def refuse_other(config: Any, tokens: int) -> None:
    """Refuse what is not Llama-shaped, or has a variant that we do not do.

    Raises:
        SelectionError: for a model of another family.
        EnvironmentProblem: for a variant.
    """
    kind = config.model_type
    refuse_family(kind)
    if variant := _variant(config, tokens):
        raise EnvironmentProblem(
            f"This {FAMILIES[kind]} has {variant}, which our forward pass does not do exactly.",
            "Name another model of the family; SmolLM2 needs no download.",
        )


def _variant(config: Any, tokens: int) -> str:
    """Return what a model has that we cannot do, in words; empty if nothing."""
    rope, window = config.rope_parameters, _sliding_window(config)
    kind, part = rope["rope_type"], rope.get("partial_rotary_factor", 1.0)
    longest = config.max_position_embeddings
    found = {
        f"positions of the kind {kind}": kind not in ROTATIONS,
        "positions that turn only a part of a head": part != 1.0,
        f"the activation {config.hidden_act}": config.hidden_act not in ("silu", "swish"),
        f"a sliding window of {window} words where texts have {tokens}": 0 < window < tokens,
        f"positions for {longest} words alone": longest < tokens,
        "biases in its MLPs": bool(getattr(config, "mlp_bias", False)),
        "quantised weights": getattr(config, "quantization_config", None) is not None,
    }
    return next((words for words, is_so in found.items() if is_so), "")


def _sliding_window(config: Any) -> int:
    """Return how far back attention looks where that is limited; 0 where it is not."""
    window = getattr(config, "sliding_window", None) or 0
    types = getattr(config, "layer_types", None)
    limited = config.model_type == "mistral" if types is None else "sliding_attention" in types
    return window if limited else 0
