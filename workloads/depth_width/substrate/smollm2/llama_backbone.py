"""A Llama decoder taken apart into units: what `pretrained` runs.

    h <- h + out(attention(norm1(h)))        unit 2 l
    h <- h + down(silu(gate x) * up x)       unit 2 l + 1,  x = norm2(h)

The weights are SmolLM2-135M-Instruct's (`workloads/shared/language_model/smollm2.py`): 30 layers of width 576,
nine query heads on three key heads, 49,152 words, one matrix for embedding and head. Queries, keys
and values are one fused matrix here, queries first, so that keys and values can be made without
queries; `gate` and `up` are fused too. Logits agree with those of transformers (a test says to
which digit).

`soft` runs whole sequences and lets a `mix` say what each unit adds: routers and forecasters are
fitted with it, and gathered runs (`decoder_units.py`) are tested against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.harness.errors import EnvironmentProblem


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

    @property
    def each(self) -> int:
        """Width of a head."""
        return self.width // self.heads


class RealLayer(nn.Module):
    """One decoder layer's matrices and norms; who runs what is the engine's business."""

    def __init__(self, shape: RealShape) -> None:
        super().__init__()
        d, e = shape.width, shape.each
        self.norm1 = nn.RMSNorm(d, eps=shape.epsilon)
        self.qkv = nn.Linear(d, (shape.heads + 2 * shape.groups) * e, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.norm2 = nn.RMSNorm(d, eps=shape.epsilon)
        self.gate_up = nn.Linear(d, 2 * shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, d, bias=False)


class RealBackbone(nn.Module):
    """Embedding, layers, final norm and the head, whose matrix is the embedding's."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, shape: RealShape) -> None:
        super().__init__()
        self.shape = shape
        self.made_by: Callable[[], RealBackbone] | None = None
        """Who makes the same model again: a stored state names it in place of 540 MB."""
        self.embed = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(RealLayer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self.head.weight = self.embed.weight
        half = shape.each // 2
        rates = shape.rope_base ** (-torch.arange(half) / half)
        angles = torch.outer(torch.arange(shape.tokens), rates).repeat(1, 2)[:, None]
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        return super().__reduce_ex__(protocol) if self.made_by is None else (self.made_by, ())

    def layer(self, index: int) -> RealLayer:
        """Return a layer."""
        layer = self.layers[index]
        assert isinstance(layer, RealLayer)
        return layer


def from_llama(llama: Any, tokens: int) -> RealBackbone:
    """Return a `LlamaForCausalLM` as a backbone with the same weights, for sequences of `tokens`.

    Raises:
        EnvironmentProblem: for a model with biases, scaled positions or untied embeddings.
    """
    config = llama.config
    rope = config.rope_parameters
    odd = config.attention_bias or config.mlp_bias or not config.tie_word_embeddings
    if odd or rope["rope_type"] != "default" or config.hidden_act != "silu":
        raise EnvironmentProblem(
            "This Llama has biases, scaled positions, untied embeddings or another activation.",
            "The ledger's decoder has none of them; use SmolLM2.",
        )
    shape = RealShape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        hidden=config.intermediate_size,
        heads=config.num_attention_heads,
        groups=config.num_key_value_heads,
        vocabulary=config.vocab_size,
        tokens=tokens,
        rope_base=float(rope["rope_theta"]),
        epsilon=float(config.rms_norm_eps),
    )
    model = RealBackbone(shape)
    model.load_state_dict(_fused(llama.state_dict(), shape.layers))
    return model.eval().requires_grad_(False)


def _fused(theirs: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Return Llama's weights under our names, matrices that read the same rows stacked."""
    embedding = theirs["model.embed_tokens.weight"]
    ours = {"embed.weight": embedding, "head.weight": embedding}
    ours["norm.weight"] = theirs["model.norm.weight"]
    for index in range(layers):
        old, new = f"model.layers.{index}", f"layers.{index}"
        qkv = [theirs[f"{old}.self_attn.{part}_proj.weight"] for part in "qkv"]
        ours[f"{new}.qkv.weight"] = torch.cat(qkv)
        wide = [theirs[f"{old}.mlp.{part}_proj.weight"] for part in ("gate", "up")]
        ours[f"{new}.gate_up.weight"] = torch.cat(wide)
        ours[f"{new}.out.weight"] = theirs[f"{old}.self_attn.o_proj.weight"]
        ours[f"{new}.down.weight"] = theirs[f"{old}.mlp.down_proj.weight"]
        ours[f"{new}.norm1.weight"] = theirs[f"{old}.input_layernorm.weight"]
        ours[f"{new}.norm2.weight"] = theirs[f"{old}.post_attention_layernorm.weight"]
    return ours


def turned(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn queries or keys [..., heads, e] by their positions."""
    first, second = heads.chunk(2, dim=-1)
    return heads * cosine + torch.cat([-second, first], dim=-1) * sine


def activated(wide: Tensor) -> Tensor:
    """Return silu(gate) * up of fused rows [..., 2 * hidden]."""
    gate, up = wide.chunk(2, dim=-1)
    return F.silu(gate) * up


Output = Callable[[], Tensor]
Mix = Callable[[int, Tensor, Output], Tensor]
"""(unit, normed states [B, T, d], the unit's output when called) -> what is added."""


def soft(model: RealBackbone, tokens: Tensor, mix: Mix) -> Tensor:
    """Run tokens [B, T], adding at every unit what `mix` makes of it; return final states."""
    states: Tensor = model.embed(tokens)
    for index in range(model.shape.layers):
        layer = model.layer(index)
        x = layer.norm1(states)
        states = states + mix(2 * index, x, lambda x=x, layer=layer: attention(model, layer, x))  # type: ignore[misc]
        x = layer.norm2(states)
        states = states + mix(2 * index + 1, x, lambda x=x, layer=layer: mlp(layer, x))  # type: ignore[misc]
    return states


def attention(model: RealBackbone, layer: RealLayer, x: Tensor) -> Tensor:
    """Return the attention branch of normed states [B, T, d]."""
    n, length, _ = x.shape
    shape = model.shape
    heads = layer.qkv(x).view(n, length, -1, shape.each)
    q, k, v = heads.split((shape.heads, shape.groups, shape.groups), dim=2)
    turn = model.cosine[:length], model.sine[:length]
    q, k, v = (part.transpose(1, 2) for part in (turned(q, *turn), turned(k, *turn), v))
    context = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    branch: Tensor = layer.out(context.transpose(1, 2).reshape(n, length, -1))
    return branch


def mlp(layer: RealLayer, x: Tensor) -> Tensor:
    """Return the MLP branch of normed states."""
    branch: Tensor = layer.down(activated(layer.gate_up(x)))
    return branch
