"""What methods hold at this task: a pretrained model read whole, or left out in parts as they decide.

Each looks like the reader of `ledger` or `ledger_qa` that has its name without `Real`, so that the
same method files run on both.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.pretrained.substrate import early_exits
from adabench.workloads.depth_width.pretrained.substrate.path_reading import (
    Reading,
    read_along,
    single,
)
from adabench.workloads.depth_width.pretrained.substrate.plans import PROMPT
from adabench.workloads.depth_width.pretrained.substrate.width_forward import (
    RealWidened,
    prefill_real_widths,
)
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, Policy, everyone
from adabench.workloads.depth_width.substrate.learners import Chooser
from adabench.workloads.depth_width.substrate.llama_decoder.decoder_units import (
    TILE,
    Plan,
    prefill_real,
)
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import Decoder
from adabench.workloads.depth_width.substrate.paths.path_forward import Decide
from adabench.workloads.depth_width.substrate.questions import Exam
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Parts
from adabench.workloads.depth_width.substrate.units.unit_forward import Rule, all_units

HERE = (
    "informed_routing, greedy_skip, random_units, static_units, early_exit, random_exit, acm, "
    "random_width, static_width learners=3 and vanilla depth=all run here, and dr_llm, full_path, "
    "static_path and random_paths at prompt=64"
)


@dataclass(frozen=True)
class RealFitted:
    """The model, and the parts that decide which units run."""

    model: Decoder
    parts: Parts
    asked: frozenset[int]
    gone: frozenset[int]
    extra: int
    """Weights of the parts that are in use."""


@dataclass(frozen=True)
class RealReader:
    """The whole model: what a method that skips nothing gets to hold."""

    model: Decoder
    mode: str = "prefill"

    def read(
        self, batch: Batch, policy: Policy = everyone, *, fill: bool = False, tile: int = TILE
    ) -> Answer:
        """Return logits for every position.

        Raises:
            EnvironmentProblem: for a policy that lets positions leave.
        """
        if policy is not everyone:
            raise EnvironmentProblem(
                "Only early_exit has exits here; this head reads the last layer.",
                f"Of pretrained, {HERE}.",
            )
        answer = prefill_real(self.model, torch.from_numpy(batch.tokens), all_units, Plan())
        return replace(answer, parameters=weights_of(self.model), unrolled=self.model.shape.layers)


@dataclass(frozen=True)
class RealExitReader:
    """The whole model and the lenses of its exits: what a method that leaves early gets to hold."""

    model: Decoder
    lenses: early_exits.Lenses
    mode: str = "prefill"

    def read(self, batch: Batch, policy: Policy, *, fill: bool = True, tile: int = TILE) -> Answer:
        """Return logits for every position; keys of later layers are written for all of them."""
        tokens = torch.from_numpy(batch.tokens)
        answer = early_exits.prefill_exits(self.model, self.lenses, tokens, policy)
        more = sum(weight.numel() for weight in self.lenses.parameters())
        return replace(
            answer,
            parameters=weights_of(self.model) + more,
            unrolled=self.model.shape.layers,
        )


@dataclass(frozen=True)
class RealUnitReader:
    """A frozen model and the parts fitted to it: what a method that routes units gets to hold."""

    fitted: RealFitted
    mode: str = "prefill"

    def read(self, batch: Batch, rule: Rule, *, tile: int = TILE) -> Answer:
        """Return logits for every position; units run for those that the rule keeps."""
        fitted = self.fitted
        plan = Plan(fitted.asked, fitted.gone)
        answer = prefill_real(fitted.model, torch.from_numpy(batch.tokens), rule, plan)
        return replace(
            answer,
            parameters=weights_of(fitted.model) + fitted.extra,
            unrolled=fitted.model.shape.layers,
        )


@dataclass(frozen=True)
class RealWidthReader:
    """A frozen model with its MLPs cut into learners: what a method that chooses widths holds."""

    widened: RealWidened
    mode: str = "prefill"

    def read(self, batch: Batch, choose: Chooser, *, tile: int = TILE) -> Answer:
        """Return logits for every position; learners run for those that take them."""
        tokens = torch.from_numpy(batch.tokens)
        answer = prefill_real_widths(self.widened, tokens, choose, tile=tile)
        layers = self.widened.model.shape.layers
        return replace(answer, parameters=self.widened.parameters, unrolled=layers)


def weights_of(model: Decoder) -> int:
    """Return the weights that have to be in memory."""
    return sum(weight.numel() for weight in model.parameters())


@dataclass(frozen=True)
class RealPathReader:
    """The whole model, that reads windows along paths: what a method gets to hold."""

    model: Decoder
    together: int

    def answer(self, exam: Exam, decide: Decide | Tensor, *, more: int = 0) -> Reading:
        """Read the windows; `more` is the parameters of whatever decides."""
        tokens = torch.from_numpy(exam.questions.tokens)
        if callable(decide) and self.model.embed.weight.dtype != torch.float32:
            decide = single(decide)  # routers are in single precision
        reading = read_along(self.model, tokens, PROMPT, decide, tile=self.together)
        return replace(reading, parameters=reading.parameters + more)
