"""A pretrained language model read layer by layer: held-out Brown text, SmolLM2 by default.

SmolLM2-135M-Instruct, 30 layers, reads windows of 256 tokens of texts that nothing was fitted to.
Here nobody knows which position needs which layer; what is known is the word that came next. Any
Llama-shaped decoder is read the same way (`llama_backbone.py`).

**What is scored.** `nll_token`: nats per token, over all positions of a batch (1,024 by default).
The task's primary quality must rise, so `accuracy` is here exp(-nll_token), the geometric mean of
the chance that the model gave to the word that came. It is no share of right answers, and no greedy
answer is looked at. `executions` are layers of 30 per token, attention and MLP half each. At 49,152
words the unembedding is 28 of 134 million weights, which nobody saves.

**`prompt`.** A method that chooses layers for a whole window is given its first 64 words to decide
by, and they are not scored: `prompt=64`, with any method. At `prompt=0` every word is scored.

**The model is weak**: 3.7 to 3.8 nats a token on this text (the first words of a window have no
context), a third of the next words ranked first. It stands for how skipping behaves in a pretrained
model, not for how good a language model is.

**What is not here.** New learners for ACM would be 80 million weights to distil: here they are
slices of the trained MLPs, each prefix with a fitted forecast of the rest (`width_forward.py`).
There are no keys of right and wrong, so there are no oracles. Windows are read whole; decoding is
not built.

**Who is fitted to what.** The model is never changed. Routers and forecasters come from the other
four fifths of the corpus, without using a word of it as a label (`closed_form_fit.py`,
`skip_damage.py`, `refine.py`). One training serves all run seeds: a seed draws other windows.

A batch holds 4 windows for every 64 `sequences`: as many as memory likes, since logits are 200 MB
then.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from adabench.harness.contract.card import Card, Knob, Metric, Origin
from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.depth_width.pretrained.substrate import path_files, unit_files, width_files
from adabench.workloads.depth_width.pretrained.substrate.path_files import RealGuided
from adabench.workloads.depth_width.pretrained.substrate.path_reading import Reading
from adabench.workloads.depth_width.pretrained.substrate.plans import FOLDER, PROMPT
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
from adabench.workloads.depth_width.pretrained.substrate.windows import Windows
from adabench.workloads.depth_width.substrate.costs import costs
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.smollm2.brown_text import Split
from adabench.workloads.depth_width.substrate.smollm2.decoder_units import TILE
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Parts

CARD = Card(
    title="A pretrained language model, read layer by layer",
    paper="SmolLM2, arXiv 2502.02737, on the Brown corpus; Informed Routing, arXiv 2510.13831",
    adapts="which layers, or parts of layers, each word or each window runs",
    no_oracle="the words of a text are not right or wrong, and no decision can be known to be best",
    origins=(
        Origin("ledger", {"layout": "stream"}, "real", drops=("mode", "width"), sets={"prompt": 0}),
        Origin("ledger", {"layout": "qa"}, "real", drops=("mode", "width"), sets={"prompt": 64}),
    ),
    knobs=(
        Knob("prompt", (0,), 0, open=True, low=0, high=255),
        Knob("batches", (6,), 6, open=True, low=1),
        Knob("sequences", (64,), 64, open=True, low=1),
    ),
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("nll_token", "nat", "lower", "quality"),
        Metric("executions", "layers/token", "lower", "work", primary=True),
        Metric("flops_counted", "FLOP/token", "lower", "cost"),
        Metric("moved", "elements/token", "lower", "cost"),
        Metric("kv_entries", "entries/token", "lower", "cost"),
        Metric("kv_allocated", "entries/token", "lower", "cost"),
        Metric("kv_ratio", "", "lower", "cost"),
        Metric("kv_excess", "", "lower", "cost"),
        Metric("parameters_bytes", "B", "lower", "cost"),
        Metric("tokens", "tokens", "higher", "info"),
    ),
)
CHECK_CONDITIONS = {"batches": 2, "sequences": 16}

SEQUENCES_PER_WINDOW = 16
CALIBRATION_SEED, CALIBRATION = 777, 4
OPENINGS_SEED, OPENINGS = 778, 64
_EVALUATION = 1_000_003


@dataclass(frozen=True)
class Pretrained:
    """The task: batches of held-out windows, and a score that knows the next words."""

    seed: int
    prompt: int
    """Words of a window that are its opening and are not scored."""
    batches: tuple[Ints, ...]
    """Each [windows, TOKENS + 1]."""
    meter: Meter

    def cases(self) -> Iterator[Windows]:
        """Yield the batches without each window's last word."""
        for index, windows in enumerate(self.batches):
            yield Windows(index, np.ascontiguousarray(windows[:, :-1]), self.prompt)

    def reader(self, base: str) -> RealReader | RealExitReader:
        """Return the reader of the whole model, or of the one with exits.

        Raises:
            EnvironmentProblem: for anything that was not trained at this scale.
        """
        if base == "early-exit":
            lenses = unit_files.exits(FOLDER)
            return RealExitReader(unit_files.backbone(), lenses)
        model = unit_files.backbone()
        if base != f"vanilla-{model.shape.layers}":
            _refuse(base)
        return RealReader(model)

    def unit_reader(self, base: str) -> RealUnitReader:
        """Return the reader of a retrofit such as `informed-16`, its price set to that share.

        Between two shares that were settled the price is interpolated. A static share is
        rounded down to whole units: 0.16 of 60 units is nine, as is 0.15.

        Raises:
            EnvironmentProblem: for a kind that was not fitted at this scale.
            SelectionError: for a share that it was not settled for.
        """
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
        return RealUnitReader(fitted)

    def width_reader(self, base: str) -> RealWidthReader:
        """Return the reader of granular MLPs such as `acm-75` or `static-3`.

        Raises:
            EnvironmentProblem: for a width that was not fitted at this scale.
            SelectionError: for a budget that gates are not settled for.
        """
        widened = width_files.widened(base, FOLDER)
        return _refuse(base) if widened is None else RealWidthReader(widened)

    def path_reader(self) -> RealPathReader:
        """Return the whole model for methods that choose a path by a window's opening.

        Raises:
            SelectionError: for windows with another opening than routers were taught on.
        """
        if self.prompt != PROMPT:
            raise SelectionError(
                f"A path is decided by the first {PROMPT} words of a window, and prompt is "
                f"{self.prompt}.",
                f"Leave prompt at {PROMPT} for methods that choose paths.",
            )
        return RealPathReader(unit_files.backbone(), TILE)

    def guided(self, base: str) -> tuple[RealPathReader, RealGuided]:
        """Return the whole model and the routers fitted to it.

        Raises:
            EnvironmentProblem: if they were not fitted yet.
        """
        return self.path_reader(), path_files.guided(f"real-{base}", FOLDER)

    def fitted_path(self, length: int) -> tuple[int, ...]:
        """Return the static path of that many layers that was best on the fitting split.

        Raises:
            EnvironmentProblem: if paths were not fitted yet.
            SelectionError: for a length that was not searched.
        """
        return path_files.static_path("real-dr-llm", length, FOLDER)

    @property
    def longest(self) -> int:
        """Return how many words can be read at once."""
        return unit_files.backbone().shape.tokens

    def ids(self, text: str) -> tuple[int, ...]:
        """Return plain text as the model's words."""
        return unit_files.words(text)

    def calibration(self) -> Windows:
        """Return windows of the fitting split, which no score is taken on.

        With an opening there are more of them, and nothing comes after it.
        """
        if self.prompt:
            windows = drawn("fit", OPENINGS, OPENINGS_SEED)
            return Windows(-1, np.ascontiguousarray(windows[:, : self.prompt]), self.prompt)
        windows = drawn("fit", CALIBRATION, CALIBRATION_SEED)
        return Windows(-1, np.ascontiguousarray(windows[:, :-1]), self.prompt)

    def score(self, case: Windows, answer: Answer | Reading) -> Mapping[str, float]:
        """Return quality of the words after the opening, and counted work of all."""
        windows = self.batches[case.index]
        wanted = windows[:, max(1, self.prompt) :]
        logits = answer.logits[:, -wanted.shape[1] :]
        targets = torch.from_numpy(np.ascontiguousarray(wanted)).flatten()
        nll = float(F.cross_entropy(logits.flatten(0, 1), targets))
        found = costs(answer, windows[:, 1:].size)
        found |= {"executions": float(answer.executions().double().mean())}
        return found | {"nll_token": nll, "accuracy": float(np.exp(-nll))}


def load(
    scale: str, seed: int, *, prompt: int = 0, batches: int = 6, sequences: int = 64
) -> Pretrained:
    """Return the task under the given conditions.

    Raises:
        EnvironmentProblem: without the weights or the corpus.
        SelectionError: for more text than there is.
    """
    del scale  # there is one
    each = max(1, sequences // SEQUENCES_PER_WINDOW)
    windows = drawn("held-out", each * batches, _EVALUATION, seed)
    parts = tuple(windows[i * each : (i + 1) * each] for i in range(batches))
    return Pretrained(seed, prompt, parts, Meter())


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
            f"No router of SmolLM2 is settled for sparsity={share:g}.",
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
        f"Run it on ledger or ledger_qa. Of pretrained, {HERE}.",
    )
