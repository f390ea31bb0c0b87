"""A Llama-shaped decoder taken apart into units: what `pretrained` runs.

    h <- h + out(attention(norm1(h)))        unit 2 l
    h <- h + down(silu(gate x) * up x)       unit 2 l + 1,  x = norm2(h)

Queries, keys and values are one fused matrix here, queries first, so that keys and values can be made without
queries; `gate` and `up` are fused too. Logits agree with those of transformers (tests say to which digit). Which
models are read is in `llama_shape.py`.

A `Decoder` is this, or one of another family inside transformers' own layers (`hooked_decoder.py`).

`soft` runs whole sequences and lets a `mix` say what each unit adds: routers and forecasters are fitted with it,
and gathered runs (`decoder_units.py`) are tested against it.
"""

from collections.abc import Callable, Iterator
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.substrate.llama_decoder.hooked_decoder import (
    CappedHead,
    Exit,
    HookedDecoder,
)
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import RealShape, shape_of


class RealLayer(nn.Module):
    """One decoder layer's matrices and norms; who runs what is the engine's business."""

    def __init__(self, shape: RealShape) -> None:
        super().__init__()
        d, e = shape.width, shape.each
        fused = (shape.heads + 2 * shape.groups) * e
        self.norm1 = nn.RMSNorm(d, eps=shape.epsilon)
        self.qkv = nn.Linear(d, fused, bias=shape.qkv_bias)
        self.query_norm, self.key_norm = (
            nn.RMSNorm(e, eps=shape.epsilon) if shape.head_norms else nn.Identity() for _ in "qk"
        )
        self.out = nn.Linear(shape.query, d, bias=shape.out_bias)
        self.norm2 = nn.RMSNorm(d, eps=shape.epsilon)
        self.gate_up = nn.Linear(d, 2 * shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, d, bias=False)


class RealBackbone(nn.Module):
    """Embedding, layers, final norm and the head, whose matrix may be the embedding's."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, shape: RealShape) -> None:
        super().__init__()
        self.shape = shape
        self.made_by: Callable[[], nn.Module] | None = None
        """Who makes the same model again: a stored state names it in place of 540 MB."""
        self.embed = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(RealLayer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.epsilon)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self.tie()
        half = shape.each // 2
        self.turn_at(shape.rope_base ** (-torch.arange(half) / half))

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        return super().__reduce_ex__(protocol) if self.made_by is None else (self.made_by, ())

    def layer(self, index: int) -> RealLayer:
        """Return a layer."""
        layer = self.layers[index]
        assert isinstance(layer, RealLayer)
        return layer

    def tie(self) -> None:
        """Make the head's matrix the embedding's, if that is the model's shape."""
        if self.shape.tied:
            self.head.weight = self.embed.weight

    def turn_at(self, rates: Tensor, scale: float = 1.0) -> None:
        """Turn positions at these rates [e / 2], cosine and sine scaled alike."""
        angles = torch.outer(torch.arange(self.shape.tokens), rates).repeat(1, 2)[:, None]
        self.register_buffer("cosine", angles.cos() * scale, persistent=False)
        self.register_buffer("sine", angles.sin() * scale, persistent=False)


Decoder = RealBackbone | HookedDecoder


def from_llama(llama: Any, tokens: int) -> RealBackbone:
    """Return a causal language model of transformers as a backbone with the same weights.

    It reads sequences of at most `tokens`.
    """
    shape = shape_of(llama.config, tokens)
    with torch.device("meta"):
        model = RealBackbone(shape)
    model.load_state_dict(_fused(llama.state_dict(), shape), assign=True)
    model.tie()
    half, rope = shape.each // 2, llama.model.rotary_emb
    if llama.config.rope_parameters["rope_type"] == "default":
        model.turn_at(shape.rope_base ** (-torch.arange(half) / half))
    else:
        model.turn_at(rope.inv_freq.float(), float(rope.attention_scaling))
    model.to(model.embed.weight.dtype)
    return model.eval().requires_grad_(False)


def _fused(theirs: dict[str, Tensor], shape: RealShape) -> dict[str, Tensor]:
    """Return Llama's weights under our names, matrices that read the same rows stacked."""
    embedding = theirs["model.embed_tokens.weight"]
    head = embedding if shape.tied else theirs["lm_head.weight"]
    ours = {"embed.weight": embedding, "head.weight": head}
    ours["norm.weight"] = theirs["model.norm.weight"]
    for index in range(shape.layers):
        old, new = f"model.layers.{index}", f"layers.{index}"
        for name, parts in _PARTS.items():
            for kind in ("weight", "bias"):
                found = [theirs[key] for part in parts if (key := f"{old}.{part}.{kind}") in theirs]
                if found:
                    ours[f"{new}.{name}.{kind}"] = found[0] if len(found) == 1 else torch.cat(found)
    return ours


_PARTS = {
    "qkv": tuple(f"self_attn.{part}_proj" for part in "qkv"),
    "query_norm": ("self_attn.q_norm",),
    "key_norm": ("self_attn.k_norm",),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
    "norm1": ("input_layernorm",),
    "norm2": ("post_attention_layernorm",),
}
"""Our names of a layer's modules, and which of theirs are stacked in each."""


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


def soft(model: Decoder, tokens: Tensor, mix: Mix) -> Tensor:
    """Run tokens [B, T], adding at every unit what `mix` makes of it; return final states."""
    for states in layer_states(model, tokens, mix):
        final = states
    return final


def layer_states(model: Decoder, tokens: Tensor, mix: Mix) -> Iterator[Tensor]:
    """Yield the states [B, T, d] before each layer, and the final ones."""
    states: Tensor = model.embed(tokens)
    yield states
    for index in range(model.shape.layers):
        if isinstance(model, HookedDecoder):
            states = model.block(index, states, lambda unit, x, own: mix(unit, x, own.whole))
            yield states
            continue
        layer = model.layer(index)
        x = layer.norm1(states)
        states = states + mix(2 * index, x, lambda x=x, layer=layer: attention(model, layer, x))  # type: ignore[misc]
        x = layer.norm2(states)
        states = states + mix(2 * index + 1, x, lambda x=x, layer=layer: mlp(layer, x))  # type: ignore[misc]
        yield states


def unembed(model: Decoder, rows: Tensor, out: Tensor) -> int:
    """Write the logits of normed rows [n, d] into `out` [n, vocabulary]; return the operations."""
    head = model.head
    torch.mm(rows, head.weight.T, out=out)
    per_row = head.weight.numel()
    if isinstance(head, CappedHead):
        assert isinstance(model.norm, Exit)
        per_row += model.norm.matrices
        if head.bias is not None:
            out.add_(head.bias)
        if head.cap:
            out.copy_(head.finish(out))
    return 2 * len(rows) * per_row


def attention(model: RealBackbone, layer: RealLayer, x: Tensor) -> Tensor:
    """Return the attention branch of normed states [B, T, d]."""
    n, length, _ = x.shape
    shape = model.shape
    heads = layer.qkv(x).view(n, length, -1, shape.each)
    q, k, v = heads.split((shape.heads, shape.groups, shape.groups), dim=2)
    q, k = layer.query_norm(q), layer.key_norm(k)
    turn = model.cosine[:length], model.sine[:length]
    q, k, v = (part.transpose(1, 2) for part in (turned(q, *turn), turned(k, *turn), v))
    context = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    branch: Tensor = layer.out(context.transpose(1, 2).reshape(n, length, -1))
    return branch


def mlp(layer: RealLayer, x: Tensor) -> Tensor:
    """Return the MLP branch of normed states."""
    branch: Tensor = layer.down(activated(layer.gate_up(x)))
    return branch
