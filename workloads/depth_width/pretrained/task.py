"""The ledger at scale `real`: held-out Brown text, read by a real language model.

SmolLM2-135M-Instruct, 30 layers, reads windows of 256 tokens of texts that nothing was fitted to.
Here nobody knows which position needs which layer; what is known is the word that came next.

**What is scored.** `nll_token`: nats per token, over all positions of a batch (1,024 by default).
The task's primary quality must rise, so `accuracy` is here exp(-nll_token), the geometric mean of
the chance that the model gave to the word that came. It is no share of right answers, and no greedy
answer is looked at. `executions` are layers of 30 per token, attention and MLP half each. Costs are
counted as at scale embedded; at 49,152 words the unembedding is 28 of 134 million weights, which
nobody saves.

**The model is weak**: 3.7 to 3.8 nats a token on this text (the first words of a window have no
context), a third of the next words ranked first. It stands for how skipping behaves in a pretrained
model, not for how good a language model is.

**lm-eval**, complete, HellaSwag-100 (acc, acc_norm) and TruthfulQA-MC1-100 (acc, acc_norm),
standard errors near 0.05: informed routing at `sparsity=0.15`, as shipped, 0.31, 0.35, 0.27, 0.31;
early exit 0.31, 0.39, 0.26, 0.33; the whole model (measured earlier) 0.32, 0.40, 0.27, 0.34. ACM's
widths and Dr.LLM were not run there.

**What is not here.** New learners for ACM would be 80 million weights to distil: here they are
slices of the trained MLPs, each prefix with a fitted forecast of the rest (`width_forward.py`).
Dr.LLM chooses layers for a whole window, so it runs at `layout=qa` (`path_task.py`).

**Who is fitted to what.** The model is never changed. Routers and forecasters come from the other
four fifths of the corpus, without using a word of it as a label (`closed_form_fit.py`, `skip_damage.py`,
`refine.py`). One training serves all run seeds: a seed draws other windows.

A batch holds 4 windows for every 64 sequences of the stream: as many as memory likes, since logits
are 200 MB then. Windows are read whole; decoding is not built at this scale.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.depth_width.pretrained.substrate import early_exits, unit_files, width_files
from adabench.workloads.depth_width.pretrained.substrate.refine import RealParts, move, shift
from adabench.workloads.depth_width.pretrained.substrate.width_forward import (
    RealWidened,
    prefill_real_widths,
)
from adabench.workloads.depth_width.substrate.checkpoints import FOLDER
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, Policy, everyone
from adabench.workloads.depth_width.substrate.learners import Chooser
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.smollm2.brown_text import Split
from adabench.workloads.depth_width.substrate.smollm2.decoder_units import TILE, Plan, prefill_real
from adabench.workloads.depth_width.substrate.smollm2.llama_backbone import RealBackbone
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Parts
from adabench.workloads.depth_width.substrate.units.unit_forward import Rule, all_units
from adabench.workloads.depth_width.truth.scoring import costs

SEQUENCES_PER_WINDOW = 16
CALIBRATION_SEED, CALIBRATION = 777, 4
_EVALUATION = 1_000_003
_FULL = 6
"""The depth that `vanilla` calls the whole model."""
_HERE = (
    "informed_routing, greedy_skip, random_units, static_units, early_exit, random_exit, acm, "
    "random_width, static_width learners=3 and vanilla depth=6 run here; at layout=qa dr_llm, "
    "full_path, static_path and random_paths"
)


@dataclass(frozen=True)
class RealFitted:
    """The model, and the parts that decide which units run."""

    model: RealBackbone
    parts: Parts
    asked: frozenset[int]
    gone: frozenset[int]
    extra: int
    """Weights of the parts that are in use."""


@dataclass(frozen=True)
class RealReader:
    """The whole model: what a method that skips nothing gets to hold."""

    model: RealBackbone
    mode: str

    def read(
        self, batch: Batch, policy: Policy = everyone, *, fill: bool = False, tile: int = TILE
    ) -> Answer:
        """Return logits for every position.

        Raises:
            EnvironmentProblem: for a policy that lets positions leave.
        """
        if policy is not everyone:
            raise EnvironmentProblem(
                "Only early-exit has exits at scale real; this head reads the last layer.",
                f"At scale real, {_HERE}.",
            )
        answer = prefill_real(self.model, torch.from_numpy(batch.tokens), all_units, Plan())
        return replace(answer, parameters=_weights(self.model), unrolled=self.model.shape.layers)


@dataclass(frozen=True)
class RealExitReader:
    """The whole model and the lenses of its exits: what a method that leaves early gets to hold."""

    model: RealBackbone
    lenses: early_exits.Lenses
    mode: str

    def read(self, batch: Batch, policy: Policy, *, fill: bool = True, tile: int = TILE) -> Answer:
        """Return logits for every position; keys of later layers are written for all of them."""
        tokens = torch.from_numpy(batch.tokens)
        answer = early_exits.prefill_exits(self.model, self.lenses, tokens, policy)
        more = sum(weight.numel() for weight in self.lenses.parameters())
        return replace(
            answer,
            parameters=_weights(self.model) + more,
            unrolled=self.model.shape.layers,
        )


@dataclass(frozen=True)
class RealUnitReader:
    """A frozen model and the parts fitted to it: what a method that routes units gets to hold."""

    fitted: RealFitted
    mode: str

    def read(self, batch: Batch, rule: Rule, *, tile: int = TILE) -> Answer:
        """Return logits for every position; units run for those that the rule keeps."""
        fitted = self.fitted
        plan = Plan(fitted.asked, fitted.gone)
        answer = prefill_real(fitted.model, torch.from_numpy(batch.tokens), rule, plan)
        return replace(
            answer,
            parameters=_weights(fitted.model) + fitted.extra,
            unrolled=fitted.model.shape.layers,
        )


@dataclass(frozen=True)
class RealWidthReader:
    """A frozen model with its MLPs cut into learners: what a method that chooses widths holds."""

    widened: RealWidened
    mode: str

    def read(self, batch: Batch, choose: Chooser, *, tile: int = TILE) -> Answer:
        """Return logits for every position; learners run for those that take them."""
        tokens = torch.from_numpy(batch.tokens)
        answer = prefill_real_widths(self.widened, tokens, choose, tile=tile)
        layers = self.widened.model.shape.layers
        return replace(answer, parameters=self.widened.parameters, unrolled=layers)


def _weights(model: RealBackbone) -> int:
    return sum(weight.numel() for weight in model.parameters())


@dataclass(frozen=True)
class RealLedger:
    """The task: batches of held-out windows, and a score that knows the next words."""

    seed: int
    mode: str
    layout: str
    batches: tuple[Ints, ...]
    """Each [windows, TOKENS + 1]."""
    meter: Meter

    def cases(self) -> Iterator[Batch]:
        """Yield the batches without each window's last word."""
        for index, windows in enumerate(self.batches):
            yield Batch(index, np.ascontiguousarray(windows[:, :-1]))

    def reader(self, base: str) -> RealReader | RealExitReader:
        """Return the reader of the whole model, or of the one with exits.

        Raises:
            EnvironmentProblem: for anything that was not trained at this scale.
        """
        self._require_text_read_whole(base)
        if base == "early-exit":
            lenses = unit_files.exits(FOLDER)
            return RealExitReader(unit_files.backbone(), lenses, self.mode)
        if base != f"vanilla-{_FULL}":
            _refuse(base)
        return RealReader(unit_files.backbone(), self.mode)

    def unit_reader(self, base: str) -> RealUnitReader:
        """Return the reader of a retrofit such as `informed-16`, its price set to that share.

        Between two shares that were settled the price is interpolated. A static share is
        rounded down to whole units: 0.16 of 60 units is nine, as is 0.15.

        Raises:
            EnvironmentProblem: for a kind that was not fitted at this scale.
            SelectionError: for a share that it was not settled for.
        """
        self._require_text_read_whole(base)
        kind, _, percent = base.rpartition("-")
        name = f"real-{kind}"
        if kind.startswith("static"):
            name += f"-{_whole(int(percent))}"
        elif kind not in ("informed", "greedy"):
            _refuse(base)
        found = unit_files.restore(name, FOLDER)
        static = kind.startswith("static")
        parts = found.parts if static else _shifted(found, int(percent) / 100)
        fitted = RealFitted(
            unit_files.backbone(),
            parts,
            frozenset(found.asked),
            frozenset(found.gone),
            _in_use(found),
        )
        return RealUnitReader(fitted, self.mode)

    def width_reader(self, base: str) -> RealWidthReader:
        """Return the reader of granular MLPs such as `acm-75` or `static-3`.

        Raises:
            EnvironmentProblem: for a width that was not fitted at this scale.
            SelectionError: for a budget that gates are not settled for.
        """
        self._require_text_read_whole(base)
        widened = width_files.widened(base, FOLDER)
        return _refuse(base) if widened is None else RealWidthReader(widened, self.mode)

    def _require_text_read_whole(self, base: str) -> None:
        """Refuse what is not built here. Not in `load`: other methods of the run go on."""
        if self.layout != "stream" or self.mode != "prefill":
            raise EnvironmentProblem(
                f"{base}: scale real has no layout={self.layout} with mode={self.mode}.",
                "It reads text whole: --set mode=prefill, layout=stream.",
            )

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Refuse what methods of other kinds ask their task for: none of it was trained here."""
        if not name.endswith("reader") and name != "guided":
            raise AttributeError(name)
        return lambda *asked, **more: _refuse(f"{name}{asked}")

    @property
    def longest(self) -> int:
        """Return how many words can be read at once."""
        return unit_files.backbone().shape.tokens

    def ids(self, text: str) -> tuple[int, ...]:
        """Return plain text as the model's words."""
        return unit_files.words(text)

    def calibration(self) -> Batch:
        """Return windows of the fitting split, which no score is taken on."""
        windows = drawn("fit", CALIBRATION, CALIBRATION_SEED)
        return Batch(-1, np.ascontiguousarray(windows[:, :-1]))

    def score(self, batch: Batch, answer: Answer) -> Mapping[str, float]:
        """Return quality and counted work."""
        windows = self.batches[batch.index]
        targets = torch.from_numpy(np.ascontiguousarray(windows[:, 1:])).flatten()
        nll = float(F.cross_entropy(answer.logits.flatten(0, 1), targets))
        found = costs(answer, targets.numel())
        found |= {"executions": float(answer.executions().mean())}
        return found | {"nll_token": nll, "accuracy": float(np.exp(-nll))}


def load(seed: int, mode: str, layout: str, batches: int, sequences: int) -> RealLedger:
    """Return the task at scale `real`.

    Raises:
        EnvironmentProblem: without the weights or the corpus.
        SelectionError: for more text than there is.
    """
    each = max(1, sequences // SEQUENCES_PER_WINDOW)
    windows = drawn("held-out", each * batches, _EVALUATION, seed)
    parts = tuple(windows[i * each : (i + 1) * each] for i in range(batches))
    return RealLedger(seed, mode, layout, parts, Meter())


def drawn(split: Split, count: int, *seeds: int) -> Ints:
    """Draw windows of a split without repetition.

    Raises:
        SelectionError: if the split has not so many.
    """
    every = unit_files.windows(split)
    if count > len(every):
        raise SelectionError(
            f"{count} windows were asked for and Brown's held-out texts have {len(every)}.",
            "Ask for fewer batches or sequences.",
        )
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))
    found: Ints = every[generator.permutation(len(every))[:count]]
    return found


def _shifted(found: RealParts, share: float) -> Parts:
    """Return parts whose routers replace a share of all unit executions."""
    shares = sorted(found.shifts)
    if not shares[0] <= share <= shares[-1]:
        raise SelectionError(
            f"At scale real no router is settled for sparsity={share:g}.",
            f"Ask for {shares[0]:g} to {shares[-1]:g}.",
        )
    parts = _folded(found)
    move(parts, found.asked, shift(found, share))
    return parts


@torch.no_grad()
def _folded(found: RealParts) -> Parts:
    """Return parts whose routers are maps of the state alone.

    An informed router is linear in the state and in the forecast, and the forecast is linear in the
    state: w . (x ; U V x + b) is another linear map of x, the same for every text. It is multiplied
    out here, once, so that forecasts are made for those alone who take them.
    """
    parts = deepcopy(found.parts)
    for unit in found.asked:
        own, seen, constant = parts.folded(unit)
        router = nn.Linear(len(own), 1).requires_grad_(False)
        router.weight[0] = own
        if seen is not None:
            router.weight[0] += parts.narrow[unit].get_parameter("weight").T @ seen
        router.bias.copy_(constant)
        parts.routers[unit] = router
    parts.kind = "blind" if parts.kind == "informed" else parts.kind
    return parts


def _whole(percent: int) -> int:
    """Return a share in percent, rounded down to whole units."""
    units = 2 * unit_files.backbone().shape.layers
    return round(100 * (percent * units // 100) / units)


def _in_use(found: RealParts) -> int:
    modules = [found.parts.narrow, found.parts.wide]
    modules += [] if found.gone else [found.parts.routers]
    used = [module[index] for module in modules if len(module) for index in found.asked]
    return sum(weight.numel() for module in used for weight in module.parameters())


def _refuse(base: str) -> NoReturn:
    raise EnvironmentProblem(
        f"{base}: nothing of that kind was trained on SmolLM2.",
        f"Run it at scale embedded. At scale real, {_HERE}.",
    )
