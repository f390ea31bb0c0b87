"""What methods of `experts` get: trained models, texts for calibration, and readings of passages that are counted.

bench.model()                              the experts as they were trained
bench.calibration(...)                     what a rule may look at before the test
bench.read(case, model, route=...)         reads the case's passages; returned by `solve` as it is
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from adabench.harness.contract.protocols import Meter
from adabench.workloads.moe.experts.recipes import SHAPES
from adabench.workloads.moe.experts.substrate import trained_models
from adabench.workloads.moe.substrate.byte_corpus import DOMAINS, Domain, Ints, passages
from adabench.workloads.moe.substrate.byte_model import ByteModel, flops
from adabench.workloads.moe.substrate.expert_layer import Multiply, Route
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording
from adabench.workloads.shared.training.checkpoints import one_thread

WORDING = Wording(
    foreign="The answer was not read by this bench.",
    twice="A case was read in two ways, and one of them is not counted.",
    call="read",
)
CALIBRATION_SEED = 77


@dataclass(frozen=True)
class Passages:
    """A case: passages of one domain, each without the byte that comes last."""

    index: int
    domain: Domain
    tokens: Ints
    """[B, T]"""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a reading said: what `solve` returns."""

    odds: Tensor
    """Logarithms of the chances of bytes: those of a passage after its first, [B, T - 1]."""
    last: Tensor
    """Of every byte in the place after a passage, [B, 256]."""
    digest: str


@dataclass(frozen=True)
class Outcome:
    """What the scorer gets: plain data."""

    odds: Tensor
    last: Tensor
    counted: Mapping[str, float]


@dataclass
class PassageBench:
    """The bench of one training."""

    seed: int
    meter: Meter = field(default_factory=Meter)
    _ledger: AnswerLedger[Reading, dict[str, float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the ledger."""
        self._ledger = AnswerLedger(self.meter, WORDING, _says, lambda one, other: one == other)

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without the ledger."""
        return PassageBench, (self.seed, self.meter)

    def warm(self) -> None:
        """Read the experts, which all methods share."""
        with one_thread():
            trained_models.of_run("moe", self.seed)

    def model(self, kind: str = "moe") -> ByteModel:
        """Return a trained model: `moe`, or `active` and `whole`, the dense ones.

        Raises:
            EnvironmentProblem: if it was not trained yet.
        """
        trained_models.note(kind, self.seed)
        return trained_models.of_run(kind, self.seed)

    def calibration(self, count: int, domains: tuple[Domain, ...] = DOMAINS) -> Iterator[Tensor]:
        """Yield passages of texts that no score is taken on, [count, T], domain by domain."""
        for domain in domains:
            found = passages(
                domain, "calibration", count, SHAPES["moe"].length, CALIBRATION_SEED, self.seed
            )
            yield torch.from_numpy(found[:, :-1])

    @torch.no_grad()
    def read(
        self,
        case: Passages,
        model: ByteModel,
        *,
        route: Route | None = None,
        multiply: Multiply | None = None,
    ) -> Reading:
        """Read a case with a model, by the routing it was trained with or another one, and count what is multiplied."""
        before = self._ledger.open(case.index)
        tokens = torch.from_numpy(case.tokens)
        with one_thread():
            found = model(tokens, route, multiply=multiply)
            chances = found.logits.log_softmax(-1)
            shown = chances[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]
        last = chances[:, -1].clone()
        counted, shape = found.counted, model.shape
        sums = {
            "pairs": float(counted.pairs),
            "expert_flops": float(counted.pairs * shape.pair_flops),
            "flops_counted": float(flops(shape, counted)),
        }
        own = {"stored_bytes": float(stored_bytes(model)), "max_load": counted.peak_load}
        answer = Reading(shown, last, _digest(shown, last))
        added = {"rows_multiplied": float(counted.pairs)}
        return self._ledger.enter(case.index, before, answer, {**sums, **own}, added)

    def account(self, case: Passages, answer: Reading) -> Outcome:
        """Return what was said of the case, and what was counted a byte.

        Raises:
            MethodContractError: if it is not what this bench read last for the case.
        """
        counted = self._ledger.confirm(case.index, answer)
        places = case.tokens.size
        each = {name: counted[name] / places for name in ("pairs", "expert_flops", "flops_counted")}
        layers = SHAPES["moe"].layers
        own = {name: counted[name] for name in ("stored_bytes", "max_load")}
        return Outcome(answer.odds, answer.last, {**each, **own, "pairs": each["pairs"] / layers})


def stored_bytes(model: nn.Module) -> int:
    """Return what a model's numbers take as they are held, tied ones once."""
    held = [*model.parameters(), *model.buffers()]
    return sum({id(one): one.numel() * one.element_size() for one in held}.values())


def _digest(*parts: Tensor) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part.contiguous().numpy().tobytes())
    return found.hexdigest()


def _says(answer: Reading, counted: Mapping[str, float]) -> bool:
    del counted
    return answer.digest == _digest(answer.odds, answer.last)
