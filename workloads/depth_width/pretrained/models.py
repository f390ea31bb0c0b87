"""What methods of `pretrained` get: a model and what is fitted to it, other windows, an account.

The model is read once, by the server that methods are forked from. Of an answer nothing leaves a
method's process but the chances that it gives to words: to those that its case holds, and, of the
last position of each window, to every word, since the one that comes is known to the scorer alone.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
import torch
from torch import nn

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.depth_width.pretrained.substrate import (
    model_and_text,
    path_files,
    unit_files,
    width_files,
)
from adabench.workloads.depth_width.pretrained.substrate.feasible_points import whole_percent
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.path_files import RealGuided
from adabench.workloads.depth_width.pretrained.substrate.path_reading import Reading
from adabench.workloads.depth_width.pretrained.substrate.plans import ORDERS, PROMPT
from adabench.workloads.depth_width.pretrained.substrate.refine import RealParts, move, shift
from adabench.workloads.depth_width.pretrained.substrate.window_readers import (
    HERE,
    RealExitReader,
    RealFitted,
    RealPathReader,
    RealReader,
    RealUnitReader,
    RealWidthReader,
)
from adabench.workloads.depth_width.pretrained.substrate.word_odds import (
    Windows,
    WordOdds,
    word_odds,
)
from adabench.workloads.depth_width.substrate.answers.read_models import ReadModels
from adabench.workloads.depth_width.substrate.answers.rule_works import policy_apart, rule_apart
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, one_thread
from adabench.workloads.depth_width.substrate.keyed_draws import keyed
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import TILE
from adabench.workloads.depth_width.substrate.llama_decoder.text_windows import Split
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Parts
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec

CALIBRATION_SEED, CALIBRATION = 777, 4
OPENINGS_SEED, OPENINGS = 778, 64
WHOLE = "all"
"""The depth of a model that runs every layer it has."""


@dataclass(frozen=True)
class Models(ReadModels):
    """The pretrained model, and how it is read."""

    prompt: int
    """Words of a window that are its opening and are not scored."""
    source: ModelAndText = field(default=ModelAndText(), kw_only=True)

    def warm(self) -> None:
        """Read the model, on one thread: all methods share its weights."""
        with one_thread():
            model_and_text.warm(self.source)

    def reader(self, base: str) -> RealReader | RealExitReader:
        """Return the reader of the whole model, or of the one with exits.

        Raises:
            EnvironmentProblem: for anything that is not fitted to a pretrained model.
        """
        if base == "early-exit":
            lenses = unit_files.exits(self.source)
            return self._answers.bind(
                RealExitReader(model_and_text.backbone(self.source), lenses), read=policy_apart
            )
        layers = model_and_text.shape(self.source).layers
        if base not in (f"vanilla-{WHOLE}", f"vanilla-{layers}"):
            self._refuse(base)
        reader = RealReader(model_and_text.backbone(self.source))
        return self._answers.bind(reader, read=policy_apart)

    def unit_reader(self, base: str) -> RealUnitReader:
        """Return the reader of a retrofit such as `informed-16`, its price set to that share.

        Between two shares that were settled the price is interpolated. A static share is
        rounded down to whole units: 0.16 of 60 units is nine, as is 0.15.

        Raises:
            EnvironmentProblem: for a kind that is not fitted to a pretrained model.
            MissingAbility: for a static share of less than a unit.
            SelectionError: for a share that it was not settled for.
        """
        kind, _, percent = base.rpartition("-")
        static = kind.partition("static-")[2] in ORDERS
        if not static and kind not in ("informed", "greedy"):
            self._refuse(base)
        name = f"real-{kind}"
        if static:
            shape = model_and_text.shape(self.source)
            name += f"-{whole_percent(shape, kind, int(percent))}"
        found = unit_files.restore(name, self.source)
        parts = found.parts if static else _shifted(found, int(percent) / 100)
        fitted = RealFitted(
            model_and_text.backbone(self.source),
            unit_files.beside(parts, self.source),
            frozenset(found.asked),
            frozenset(found.gone),
            _in_use(found),
        )
        return self._answers.bind(RealUnitReader(fitted), read=rule_apart)

    def width_reader(self, base: str) -> RealWidthReader:
        """Return the reader of granular MLPs such as `acm-75` or `static-3`.

        Raises:
            EnvironmentProblem: for a width that is not fitted to a pretrained model.
            SelectionError: for a budget that gates are not settled for.
        """
        widened = width_files.widened(base, self.source)
        if widened is None:
            self._refuse(base)
        return self._answers.bind(RealWidthReader(widened), read=rule_apart)

    def train_anew(self, base: str) -> None:
        """Refuse: what is fitted to a pretrained model takes longer than a run should.

        Raises:
            SelectionError: always.
        """
        raise SelectionError(
            f"A run fits no {base} to a pretrained model that has one.",
            "Choose training=shipped; `adabench train` fits it again.",
        )

    def path_reader(self) -> RealPathReader:
        """Return the whole model for methods that choose a path by a window's opening.

        Raises:
            SelectionError: for windows with another opening than routers are taught on.
        """
        if self.prompt != PROMPT:
            raise SelectionError(
                f"A path is decided by the first {PROMPT} words of a window, and prompt is "
                f"{self.prompt}.",
                f"Leave prompt at {PROMPT} for methods that choose paths.",
            )
        reader = RealPathReader(model_and_text.backbone(self.source), TILE)
        return self._answers.bind(reader, answer=rule_apart)

    def guided(self, base: str) -> tuple[RealPathReader, RealGuided]:
        """Return the whole model and the routers taught for it, taught first if need be."""
        return self.path_reader(), path_files.guided(f"real-{base}", self.source)

    def fitted_path(self, length: int) -> tuple[int, ...]:
        """Return the static path of that many layers that was best on the fitting split.

        Raises:
            MissingAbility: for a length that was not searched.
        """
        return path_files.static_path("real-dr-llm", length, self.source)

    @property
    def longest(self) -> int:
        """Return how many words can be read at once."""
        return model_and_text.shape(self.source).tokens

    @property
    def codec(self) -> TokenizerCodec:
        """Return the codec of the model: text to its words and back."""
        return TokenizerCodec(model_and_text.tokenizer(self.source), frozenset())

    def calibration(self) -> Windows:
        """Return windows of the fitting split, which no score is taken on.

        With an opening there are more of them, and nothing comes after it.
        """
        if self.prompt:
            windows = drawn(self.source, "fit", OPENINGS, OPENINGS_SEED)
            return Windows(-1, np.ascontiguousarray(windows[:, : self.prompt]), self.prompt)
        windows = drawn(self.source, "fit", CALIBRATION, CALIBRATION_SEED)
        return Windows(-1, np.ascontiguousarray(windows[:, :-1]), self.prompt)

    def shape(self, case: Windows) -> str:
        """Return what a batch must share with an earlier one to need no reading to warm up.

        On a device that is all of it: kernels are tuned for the numbers of rows that it keeps.
        """
        return f"batch {case.index}" if self.source.on_device else ""

    def account(self, case: Windows, answer: Answer | Reading) -> WordOdds:
        """Return the chances of words after the opening, and what the engine wrote down.

        Raises:
            MethodContractError: if no engine computed the answer for this case, or it was changed.
        """
        return word_odds(case, self._confirmed(case, answer))

    def _refuse(self, base: str) -> NoReturn:
        raise EnvironmentProblem(
            f"{base}: nothing of that kind is fitted to {self.source.model}.",
            f"Run it on ledger or ledger_qa. Of pretrained, {HERE}.",
        )


def drawn(source: ModelAndText, split: Split, count: int, *seeds: int) -> Ints:
    """Draw windows of a split without repetition.

    Raises:
        SelectionError: if the split has not so many.
    """
    every = model_and_text.windows(source, split)
    if count > len(every):
        raise SelectionError(
            f"{count} windows were asked for and the {split} texts of {source.data} have "
            f"{len(every)}.",
            "Ask for fewer batches or sequences, or name a longer text.",
        )
    found: Ints = every[keyed(*seeds).permutation(len(every))[:count]]
    return found


def _shifted(found: RealParts, share: float) -> Parts:
    """Return parts whose routers replace a share of all unit executions."""
    shares = sorted(found.shifts)
    if not shares[0] <= share <= shares[-1]:
        raise SelectionError(
            f"No router is settled for sparsity={share:g}.",
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


def _in_use(found: RealParts) -> int:
    modules = [found.parts.narrow, found.parts.wide]
    modules += [] if found.gone else [found.parts.routers]
    used = [module[index] for module in modules if len(module) for index in found.asked]
    return sum(weight.numel() for module in used for weight in module.parameters())
