"""The upper third of SmolLM2, and what methods train in it.

    text-lora, text-dora, text-ia3     by `peft`: rank 8 on q and v; factors of keys, values and hidden features
    text-norms, text-full              gains of the norms; all weights of these layers
    text-lora-37                       LoRA with as many numbers as eight experts and their routers
    text-mole, text-dynmole            eight experts of rank 4 on q and v, by the rules of `lora_experts.py`
    text-mhr                           eight skills of rank 4 in eight heads, a row of z a collection: Poly of `peft`

No head is trained: what is scored is which of two words is more likely next.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.harness.errors import require
from adabench.workloads.moe.adapters.substrate.adapter import Adapter
from adabench.workloads.moe.adapters.substrate.base_model import Base, Site
from adabench.workloads.moe.adapters.substrate.forward_pass import Gate, Pass, Work
from adabench.workloads.moe.adapters.substrate.inventory import ROUTING_RATE
from adabench.workloads.moe.adapters.substrate.lora_experts import EXPERTS, RANK
from adabench.workloads.moe.adapters.substrate.low_rank import kaiming
from adabench.workloads.moe.adapters.training.pretrain import mixture
from adabench.workloads.moe.adapters.training.text_questions import LOWER, QUESTIONS, Batch

PLACES = ("q_proj", "v_proj")
HEADS = SKILLS = 8
SEED = 0
EXPERT_KINDS = {"text-mole": "mola", "text-dynmole": "dynmole"}
"""By arm: the kind of the suite whose rule and losses it has."""
ROUTER = "poly_router"


class UpperThird(nn.Module):
    """The layers above the states that are there, and two words to choose between."""

    def __init__(self, layers: nn.Module, words: Tensor) -> None:
        """Take a model without embeddings, and the rows of both words."""
        super().__init__()
        self.layers, self.words = layers, nn.Parameter(words, requires_grad=False)

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of both words behind each text, [texts, 2]."""
        there = torch.arange(states.shape[1])[None] < lengths[:, None]
        found = self.layers(inputs_embeds=states, attention_mask=there.long(), use_cache=False)
        last = found.last_hidden_state[torch.arange(len(lengths)), lengths - 1]
        return F.linear(last, self.words)


def upper_third(model: Any, words: Tensor, lower: int = LOWER) -> UpperThird:
    """Return the upper layers of a Llama with its last norm; the lower ones and the embeddings are left out."""
    layers = copy.deepcopy(model.model)
    layers.embed_tokens = nn.Embedding(1, words.shape[1])
    layers.layers = layers.layers[lower:]
    for place, layer in enumerate(layers.layers):
        layer.self_attn.layer_idx = place
    layers.config.num_hidden_layers = len(layers.layers)
    found = UpperThird(layers, words)
    return found.requires_grad_(False).eval()


@dataclass
class Arm:
    """A method in the upper third."""

    model: nn.Module
    logits: Callable[[Batch], Tensor]
    penalty: Callable[[], Tensor] | None = None
    """What the last pass adds to the loss."""
    active: Callable[[], float] | None = None
    """Experts that a token of the last pass ran."""
    merge: Callable[[], nn.Module] | None = None
    """Returns a model that does alone what both do, where there is one."""

    @property
    def trained(self) -> dict[str, Tensor]:
        """Return what is trained."""
        return {name: one for name, one in self.model.named_parameters() if one.requires_grad}

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Return what is trained by its rate; routers of tasks have a multiple of it, as in the suite."""
        routers = [one for name, one in self.trained.items() if ROUTER in name]
        others = [one for name, one in self.trained.items() if ROUTER not in name]
        found = [{"params": others, "peak": rate}]
        return [*found, {"params": routers, "peak": rate * ROUTING_RATE}] if routers else found


def arm(kind: str, upper: UpperThird) -> Arm:
    """Put a method into the upper third, which is changed by it; all else is frozen.

    Raises:
        MissingExtra: without `peft`, for those that come from it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        if kind in EXPERT_KINDS:
            return _experts(EXPERT_KINDS[kind], upper)
        if kind in ("text-norms", "text-full"):
            return _own_weights(upper, "" if kind == "text-full" else "norm")
        return _of_peft(kind, upper)


def _plain(model: nn.Module) -> Arm:
    return Arm(model, lambda batch: model(batch.states, batch.lengths))


def _own_weights(upper: UpperThird, part: str) -> Arm:
    for name, weight in upper.named_parameters():
        trains = name.startswith("layers.") and "embed_tokens" not in name and part in name
        weight.requires_grad_(trains)
    return _plain(upper)


def _of_peft(kind: str, upper: UpperThird) -> Arm:
    peft = require("peft", extra="models")
    if kind == "text-ia3":
        config = peft.IA3Config(
            target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"]
        )
    elif kind == "text-mhr":
        config = peft.PolyConfig(
            r=RANK, target_modules=list(PLACES), n_tasks=len(QUESTIONS), n_skills=SKILLS,
            n_splits=HEADS,
        )  # fmt: skip
    else:
        config = lora_config(37 if kind == "text-lora-37" else 8, dora=kind == "text-dora")
    model = peft.get_peft_model(upper, config)
    if kind != "text-mhr":
        return replace(_plain(model), merge=model.merge_and_unload)
    by_task = model.base_model  # `peft` hands ids of tasks on from there alone
    return Arm(model, lambda batch: by_task(batch.states, batch.lengths, task_ids=batch.tasks))


def lora_config(rank: int, dora: bool = False, zero: bool = True) -> Any:
    """Return the configuration of LoRA on q and v, alpha twice the rank."""
    peft = require("peft", extra="models")
    return peft.LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules=list(PLACES), use_dora=dora,
        init_lora_weights=zero,
    )  # fmt: skip


@dataclass(frozen=True)
class WideSite(Site):
    """A linear of a model of other widths than the suite's base."""

    widths: tuple[int, int] = (0, 0)

    @property
    def inner(self) -> int:
        """Return how many features go in."""
        return self.widths[0]

    @property
    def outer(self) -> int:
        """Return how many features come out."""
        return self.widths[1]


@dataclass
class ExpertPass:
    """The pass that all sites share, and which of its rows are a text's own."""

    base: Base
    adapter: Adapter
    step: Pass | None = None
    rows: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))

    def begin(self, batch: Batch) -> None:
        """Open a pass over a batch."""
        self.rows, words = batch.there.flatten(), torch.zeros_like(batch.there, dtype=torch.long)
        self.step = Pass(self.base, words, batch.tasks, Work(), training=torch.is_grad_enabled())

    @property
    def gates(self) -> list[Gate]:
        """Return what routers said of texts' own rows, and not of padding."""
        assert self.step is not None
        return [
            Gate(gate.site, gate.chances[self.rows], gate.weights[self.rows])
            for gate in self.step.gates
        ]

    def penalty(self) -> Tensor:
        """Return the auxiliary losses of the pass."""
        assert self.step is not None
        assert self.adapter.penalty is not None
        self.step.gates = self.gates
        return self.adapter.penalty({}, self.step)

    def active(self) -> float:
        """Return how many experts a token ran."""
        counts = [(gate.weights != 0).sum(-1).float().mean() for gate in self.gates]
        return float(torch.stack(counts).mean())


class ExpertLinear(nn.Module):
    """A frozen linear with experts beside it."""

    def __init__(self, linear: nn.Linear, site: WideSite, shared: ExpertPass) -> None:
        """Begin with experts that change nothing yet, and a router by lot."""
        super().__init__()
        lots = torch.Generator().manual_seed(int(torch.randint(2**31, (1,))))
        self.frozen, self.site, self.shared = linear, site, shared
        self.a = nn.Parameter(kaiming((EXPERTS, RANK, site.inner), site.inner, lots))
        self.b = nn.Parameter(torch.zeros(EXPERTS, site.outer, RANK))
        self.gate = nn.Parameter(kaiming((EXPERTS, site.inner), site.inner, lots))

    def forward(self, x: Tensor) -> Tensor:
        """Return what the frozen linear and the experts that run give."""
        parts: Mapping[str, Tensor] = {"a": self.a, "b": self.b, "gate": self.gate}
        weights = {f"{part}.{self.site.name}": one for part, one in parts.items()}
        assert self.shared.step is not None
        return self.shared.adapter.linear(weights, self.site, x, self.shared.step)


def _experts(kind: str, upper: UpperThird) -> Arm:
    weights: dict[str, Tensor] = {}
    shared = ExpertPass(Base(weights), mixture(kind, {}))
    for place, layer in enumerate(upper.layers.get_submodule("layers").children()):
        attention = layer.get_submodule("self_attn")
        for name in PLACES:
            linear = attention.get_submodule(name)
            assert isinstance(linear, nn.Linear)
            site = WideSite(place, name, (linear.in_features, linear.out_features))
            weights |= {site.name: linear.weight, f"{site.name}.bias": _bias(linear)}
            setattr(attention, name, ExpertLinear(linear, site, shared))
    penalty = None if shared.adapter.penalty is None else shared.penalty
    return Arm(upper, partial(_begun, upper, shared), penalty, shared.active)


def _begun(upper: UpperThird, shared: ExpertPass, batch: Batch) -> Tensor:
    shared.begin(batch)
    found: Tensor = upper(batch.states, batch.lengths)
    return found


def _bias(linear: nn.Linear) -> Tensor:
    return torch.zeros(linear.out_features) if linear.bias is None else linear.bias
