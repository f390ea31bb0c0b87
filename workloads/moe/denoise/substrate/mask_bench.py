"""What methods of `denoise` get: the arms of a training, and readings of masked passages that are counted.

bench.model("linear_reverse")                       an arm as it was trained
bench.read(case, "linear_reverse", route=...)       reads the case; returned by `solve` as it is
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.moe.denoise.recipes import FOLDER, LENGTH, MASK, SHAPE, of_seed, recipes
from adabench.workloads.moe.denoise.substrate.routings import arm_route
from adabench.workloads.moe.substrate.byte_corpus import Ints
from adabench.workloads.moe.substrate.byte_model import ByteModel, flops
from adabench.workloads.moe.substrate.expert_layer import Route
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording
from adabench.workloads.shared.training import checkpoints, weight_packing
from adabench.workloads.shared.training.checkpoints import one_thread

OFFSETS = "offsets"
"""Of a file: what balances the experts of an arm, beside its weights."""
WORDING = Wording(
    foreign="The answer was not read by this bench.",
    twice="A case was read in two ways, and one of them is not counted.",
    call="read",
)


@dataclass(frozen=True)
class MaskedCase:
    """A case: passages of which some bytes are hidden."""

    index: int
    shown: Ints
    """[B, T], 256 where a byte is hidden."""

    @property
    def ratios(self) -> list[float]:
        """Return the share of each passage that is hidden: a step of denoising knows it before it begins."""
        found: list[float] = (self.shown == MASK).mean(1).tolist()
        return found


@dataclass(frozen=True, eq=False)
class Denoised:
    """What a reading said: what `solve` returns."""

    odds: Tensor
    """Logarithms of the chances of bytes in the hidden places, in order, [hidden, 256]."""
    digest: str


@dataclass(frozen=True)
class Outcome:
    """What the scorer gets: plain data."""

    odds: Tensor
    arm: str
    counted: Mapping[str, float]


@dataclass
class MaskBench:
    """The bench of one training."""

    seed: int
    meter: Meter = field(default_factory=Meter)
    _ledger: AnswerLedger[Denoised, dict[str, float]] = field(init=False, repr=False, compare=False)
    _arms: dict[int, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the ledger."""
        self._ledger = AnswerLedger(self.meter, WORDING, _says, lambda one, other: one == other)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without the ledger."""
        return MaskBench, (self.seed, self.meter)

    def warm(self) -> None:
        """Read the arms, which all methods share."""
        with one_thread():
            _weights(of_seed(self.seed))

    def model(self, arm: str) -> ByteModel:
        """Return an arm as it was trained.

        Raises:
            EnvironmentProblem: if it was not trained yet.
        """
        checkpoints.note(of_seed(self.seed), FOLDER)
        return _arm_model(of_seed(self.seed), arm)

    @torch.no_grad()
    def read(self, case: MaskedCase, arm: str, *, route: Route | None = None) -> Denoised:
        """Read a case with an arm, by the routing that it was trained with or another one, and count what is multiplied."""
        before, model = self._ledger.open(case.index), self.model(arm)
        with one_thread():
            offsets = arm_offsets(_weights(of_seed(self.seed)), arm)
            routed = route or arm_route(arm, case.ratios, LENGTH, offsets)
            read = model(torch.from_numpy(case.shown), routed)
            hidden = torch.from_numpy(case.shown == MASK)
            odds = read.logits[hidden][:, :MASK].log_softmax(-1)
        sums = {
            "pairs": float(read.counted.pairs),
            "flops_counted": float(flops(SHAPE, read.counted)),
        }
        self._arms[case.index] = arm
        answer = Denoised(odds, _digest(odds))
        counted = {**sums, "max_load": read.counted.peak_load}
        added = {"rows_multiplied": float(read.counted.pairs)}
        return self._ledger.enter(case.index, before, answer, counted, added)

    def account(self, case: MaskedCase, answer: Denoised) -> Outcome:
        """Return what was said of the hidden bytes, and what was counted a position.

        Raises:
            MethodContractError: if it is not what this bench read last for the case.
        """
        counted = self._ledger.confirm(case.index, answer)
        places = case.shown.size
        each = {
            "pairs": counted["pairs"] / (places * SHAPE.layers),
            "flops_counted": counted["flops_counted"] / places,
            "max_load": counted["max_load"],
        }
        return Outcome(answer.odds, self._arms[case.index], each)


def arm_offsets(weights: Mapping[str, Tensor], arm: str) -> Tensor | None:
    """Return what balances an arm's experts, [layers, E]; None for an arm that has no such offsets."""
    return weights.get(f"{OFFSETS}/{arm}")


def arm_model(weights: Mapping[str, Tensor], arm: str) -> ByteModel:
    """Return an arm of a file's weights.

    Raises:
        EnvironmentProblem: if it is not in the file, or broken.
    """
    prefix = f"{arm}/"
    own = {key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)}
    if not own or not all(bool(value.isfinite().all()) for value in own.values()):
        raise EnvironmentProblem(
            f"The checkpoint holds no {arm} that can be read.",
            "Train it again: adabench train 'denoise/*'.",
        )
    model = ByteModel(SHAPE).requires_grad_(False).eval()
    model.load_state_dict(own)
    return model


@cache
def _arm_model(name: str, arm: str) -> ByteModel:
    return arm_model(_weights(name), arm)


@cache
def _weights(name: str) -> dict[str, Tensor]:
    home = checkpoints.home(name, FOLDER)
    return weight_packing.unpacked(checkpoints.weights(name, home, recipes()[name].forecast_s))


def _digest(odds: Tensor) -> str:
    return hashlib.sha256(odds.contiguous().numpy().tobytes()).hexdigest()


def _says(answer: Denoised, counted: Mapping[str, float]) -> bool:
    del counted
    return answer.digest == _digest(answer.odds)
