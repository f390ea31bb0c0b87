"""A decoder of any family, run unit by unit inside transformers' own layers.

    h <- layer(h)        unit 2 l: what its attention module returns, 2 l + 1: what its MLP returns

Norms (before, behind or around a unit), residuals, multipliers, parallel branches, positions and masks are
transformers' own: a skipped unit returns nought, and its module does not run. What a layer is given beside states
depends on how many windows there are and how long they are, not on their words; that is found out by calling the
decoder with layers that do nothing. A whole reading is compared with transformers' own logits when a model is opened.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.harness.errors import EnvironmentProblem, require
from adabench.workloads.depth_width.substrate.llama_decoder.block_hooks import (
    ATTENTION,
    Branch,
    Hooks,
    Unit,
    first,
    gathered_attention,
    hook_matrices,
    hook_unit,
)
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import RealShape
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.language_model.backends import causal_model

ATTENTIONS = ("self_attn", "attn", "attention", "self_attention")
MLPS = ("mlp", "ffn", "feed_forward", "block_sparse_moe", "fc2")
"""What a layer's attention and MLP are called; `fc2` ends an MLP whose matrices are the layer's own."""
Call = tuple[Sequence[Any], dict[str, Any]]
"""What a layer is called with beside states."""
PROBE = (2, 12)
"""Windows and positions on which a model is compared with transformers' own forward."""


class CappedHead(nn.Linear):
    """An unembedding whose logits may be capped: c tanh(logit / c)."""

    def __init__(self, theirs: nn.Linear, cap: float) -> None:
        with torch.device("meta"):
            super().__init__(theirs.in_features, theirs.out_features, theirs.bias is not None)
        self.weight, self.bias, self.cap = theirs.weight, theirs.bias, cap

    def forward(self, rows: Tensor) -> Tensor:
        """Return the logits of rows [..., d]."""
        return self.finish(F.linear(rows, self.weight, self.bias))

    def finish(self, logits: Tensor) -> Tensor:
        """Cap logits."""
        return self.cap * torch.tanh(logits / self.cap) if self.cap else logits


class PlainMLP(nn.Module):
    """Two matrices and what is between them, of a layer that holds them itself."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.up, self.between, self.down = layer.fc1, layer.activation_fn, layer.fc2

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return the branch of rows."""
        made: Tensor = self.down(self.between(self.up(hidden_states)))
        return made


class Entrance(nn.Module):
    """What turns words [n, T] into the states of the first layer."""

    def __init__(self, weight: Tensor, enter: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.weight, self.enter = weight, enter

    def forward(self, tokens: Tensor) -> Tensor:
        """Return states [n, T, d]."""
        return self.enter(tokens)


class Exit(nn.Module):
    """What stands between the last layer and the head; a multiplier of logits is taken along.

    `matrices` are weights outside of layers, where embeddings are narrower than states; each is met once.
    """

    def __init__(self, modules: Sequence[nn.Module], scale: float, matrices: int) -> None:
        super().__init__()
        self.parts, self.scale, self.matrices = nn.ModuleList(modules), scale, matrices

    def forward(self, states: Tensor) -> Tensor:
        """Return what the head reads of states [..., d]."""
        for part in self.parts:
            states = part(states)
        return states if self.scale == 1 else states * self.scale


class HookedDecoder(nn.Module):
    """A causal language model of transformers, its layers hooked; the model itself is changed."""

    def __init__(self, causal: Any, tokens: int) -> None:
        super().__init__()
        self.causal, self.hooks = causal.eval().requires_grad_(False), Hooks()
        self.made_by: Callable[[], nn.Module] | None = None
        """Who makes the same model again: a stored state names it in place of its weights."""
        self.shape = hooked_shape(causal, tokens)
        self.decoder, self.blocks = blocks_of(causal)
        self._stubbed: list[Call] | None = None
        self._others: dict[nn.Module, int] = {}
        """What layers and units return beside states."""
        self._calls: dict[object, list[Call]] = {}
        """By size, device and type."""
        config = causal.config.get_text_config()
        words = torch.arange(PROBE[0] * PROBE[1], device=causal.device).view(PROBE)
        words = words % min(self.shape.vocabulary, 97)
        self._gathers = _choose_attention(causal, self.blocks[0])
        tail, theirs = self._tail(words)
        if self._gathers:
            causal.set_attn_implementation(ATTENTION)
        else:
            sizes = causal_model.attention(config)
            self.hooks.position_flops = sizes.position_flops // sizes.layers
        routed, experts = causal_model.experts(config)
        self._hook(routed / experts if experts else 1.0)
        scale = float(getattr(config, "logit_scale", 1) or 1)
        scale /= float(getattr(config, "logits_scaling", 1) or 1)
        cap = float(getattr(config, "final_logit_softcapping", 0) or 0)
        enter = self._enter
        self.embed = Entrance(causal.get_input_embeddings().weight, lambda words: enter(words)[0])
        narrow = [child for child in self.decoder.children() if isinstance(child, nn.Linear)]
        self.norm = Exit(tail, scale, sum(one.weight.numel() for one in narrow))
        self.head = CappedHead(causal.get_output_embeddings(), cap)
        self._compare(words, theirs)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        return super().__reduce_ex__(protocol) if self.made_by is None else (self.made_by, ())

    def block(
        self, index: int, states: Tensor, unit: Unit | None = None, work: Work | None = None
    ) -> Tensor:
        """Run a layer on states [n, T, d], its modules returning what `unit` says; count into `work`."""
        args, kwargs = self._call(*states.shape[:2])[index]
        hooks = self.hooks
        hooks.unit, hooks.work = unit or whole, work or Work()
        hooks.size = states.shape[0], states.shape[1]
        try:
            made: Tensor = first(self._layers[index](states, *args, **kwargs))
        finally:
            hooks.unit = None
        return made

    def runs_alone(self, unit: int) -> bool:
        """Say whether some rows can run a unit without the others."""
        return bool(unit % 2) or self._gathers

    def _call(self, windows: int, tokens: int) -> list[Call]:
        """Return what each layer is called with beside states."""
        weight = self.embed.weight
        key = windows, tokens, weight.device, weight.dtype
        if key not in self._calls:
            words = torch.zeros(windows, tokens, dtype=torch.long, device=weight.device)
            with torch.inference_mode(mode=False), torch.no_grad():
                self._calls[key] = self._enter(words)[1]
        return self._calls[key]

    def _enter(self, tokens: Tensor) -> tuple[Tensor, list[Call]]:
        """Return states [n, T, d] of words [n, T], and what layers are called with."""
        found: list[Call] = []
        self._stubbed = found
        try:
            self.decoder(input_ids=tokens, use_cache=False)
        finally:
            self._stubbed = None
        return self._entered, found

    def _hook(self, routed: float) -> None:
        for index, layer in enumerate(self.blocks):
            attention, mlp = units_of(layer)
            hook_matrices(layer, attention, self.hooks, routed)
            for unit, module in enumerate((attention, mlp), 2 * index):
                gathers = self.runs_alone(unit)
                hook_unit(module, unit, self.hooks, self._others[module], gathers=gathers)
            for module in attention.modules():
                vars(module)["hooks"] = self.hooks
        self._layers = [layer.forward for layer in self.blocks]
        for index, layer in enumerate(self.blocks):
            layer.forward = self._stub(index)

    def _stub(self, index: int) -> Callable[..., Any]:
        run, is_tuple = self._layers[index], bool(self._others[self.blocks[-1]])

        def forward(hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
            if self._stubbed is None:
                return run(hidden_states, *args, **kwargs)
            self._stubbed.append((args, kwargs))
            if not index:
                self._entered = hidden_states
            return (hidden_states, None) if is_tuple else hidden_states

        return forward

    @torch.no_grad()
    def _tail(self, words: Tensor) -> tuple[list[nn.Module], Tensor]:
        """Return the decoder's modules that run behind its last layer, and the model's own logits."""
        called: list[nn.Module] = []
        inner = [child for child in self.decoder.children() if not isinstance(child, nn.ModuleList)]
        handles = [
            module.register_forward_hook(lambda module, args, made: called.append(module))
            for module in inner
        ]

        def note(module: nn.Module, args: Any, made: Any) -> None:
            self._others[module] = len(made) - 1 if isinstance(made, tuple) else 0
            if module is self.blocks[-1]:
                called.clear()

        noted = [self.blocks[-1], *(unit for layer in self.blocks for unit in units_of(layer))]
        handles += [module.register_forward_hook(note) for module in noted]
        try:
            logits: Tensor = self.causal(input_ids=words, use_cache=False).logits
        finally:
            for handle in handles:
                handle.remove()
        return called, logits

    @torch.no_grad()
    def _compare(self, words: Tensor, theirs: Tensor) -> None:
        """Make sure that a whole reading is transformers' own.

        Raises:
            EnvironmentProblem: if it is not.
        """
        states = self.embed(words)
        for index in range(self.shape.layers):
            states = self.block(index, states)
        ours = self.head(self.norm(states))
        allowed = (
            64 * torch.finfo(theirs.dtype).eps * float(theirs.abs().max())
        )  # one order of sums
        if float((ours - theirs).abs().max()) > allowed:
            raise _other(self.causal, "taken apart they say something else than transformers")


def whole(unit: int, x: Tensor, branch: Branch) -> Tensor:
    """Run a unit for everyone."""
    return branch.whole()


def hooked_shape(causal: Any, tokens: int) -> RealShape:
    """Return the shape of a model, which may be without memory.

    Raises:
        EnvironmentProblem: for a model with other layers than attention and MLPs.
    """
    causal_model.refuse(causal)
    config = causal.config.get_text_config()
    longest = int(
        getattr(config, "max_position_embeddings", 0) or getattr(config, "max_seq_len", 0) or 0
    )
    if 0 < longest < tokens:
        raise _other(causal, f"it has positions for {longest} words alone, and texts have {tokens}")
    _, blocks = blocks_of(causal)
    attention = causal_model.attention(config)
    _, mlp = units_of(blocks[0])
    return RealShape(
        layers=len(blocks), width=config.hidden_size, hidden=_hidden(mlp), heads=attention.heads,
        groups=attention.shared_heads, vocabulary=config.vocab_size, tokens=tokens, rope_base=0.0,
        epsilon=0.0, head_width=attention.key_width,
        counted=sum(weight.numel() for weight in causal.parameters()),
    )  # fmt: skip


def blocks_of(causal: Any) -> tuple[nn.Module, nn.ModuleList]:
    """Return the decoder of a model and its layers.

    Raises:
        EnvironmentProblem: if there is none with an attention and an MLP in each layer.
    """
    count = causal.config.get_text_config().num_hidden_layers
    for module in causal.modules():
        for child in module.children():
            if (
                isinstance(child, nn.ModuleList)
                and len(child) == count
                and _named(child[0], ATTENTIONS)
            ):
                for layer in child:
                    _plain(layer)
                    if problem := _problem(layer):
                        raise _other(causal, problem)
                return module, child
    raise _other(causal, "no layers with an attention of their own are found in it")


def _plain(layer: Any) -> None:
    """Make one module of an MLP whose matrices are the layer's own."""
    if isinstance(getattr(layer, "fc1", None), nn.Linear):
        layer.fc2 = PlainMLP(layer)
        layer.fc1, layer.activation_fn = nn.Identity(), nn.Identity()


def _problem(layer: nn.Module) -> str:
    """Return what is wrong with a layer, in words; empty if nothing."""
    if _named(layer, MLPS) is None:
        return "a layer of it has no MLP of its own"
    units = units_of(layer)
    more = [
        name
        for name, child in layer.named_children()
        if child not in units and any(weight.dim() > 1 for weight in child.parameters())
    ]
    return f"a layer of it has more than attention and an MLP: {', '.join(more)}" if more else ""


def units_of(layer: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Return the attention and the MLP of a layer."""
    attention, mlp = _named(layer, ATTENTIONS), _named(layer, MLPS)
    assert attention is not None
    assert mlp is not None
    return attention, mlp


def _named(layer: nn.Module, names: Sequence[str]) -> nn.Module | None:
    return next((child for name, child in layer.named_children() if name in names), None)


def _hidden(mlp: nn.Module) -> int:
    """Return the hidden units of a plain MLP; 0 for experts."""
    matrices: list[Any] = [
        module for module in mlp.modules() if isinstance(getattr(module, "weight", None), Tensor)
    ]
    if any(weight.dim() == 3 for weight in mlp.parameters()) or len(matrices) > 3:
        return 0
    last = matrices[-1]
    return int(last.in_features if isinstance(last, nn.Linear) else last.weight.shape[0])


def _choose_attention(causal: Any, layer: nn.Module) -> bool:
    """Let attention be the family's plain one; return whether `gathered_attention` can stand in for it."""
    transformers = require("transformers", extra="models")
    masking = require("transformers.masking_utils", extra="models")
    attention, _ = units_of(layer)
    home = vars(sys.modules[type(attention).__module__])
    is_chosen = "ALL_ATTENTION_FUNCTIONS" in home and "eager_attention_forward" in home
    if is_chosen:
        transformers.AttentionInterface.register(ATTENTION, gathered_attention)
        transformers.AttentionMaskInterface.register(ATTENTION, masking.eager_mask)
        causal.set_attn_implementation("eager")
    return is_chosen


def _other(causal: Any, problem: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{type(causal).__name__} cannot be read layer by layer: {problem}.",
        "Name another model; `text` reads this one whole, if it is of attention alone.",
    )
