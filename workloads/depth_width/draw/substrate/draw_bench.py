"""What methods of `draw` get: the networks of a training, and pictures that these denoise and draw, counted.

    bench.arm("aptp")                    router and networks of an arm
    bench.vectors(case)                  what the frozen encoder makes of the prompts
    bench.cut("per_sample", structure)   a network that is cut out now, for one prompt
    bench.draw(case, networks)           a network for each prompt; returned by `solve` as it is

Prompts that have the same network are one batch, others another one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.depth_width.draw.substrate.diffusion import remove_noise
from adabench.workloads.depth_width.draw.substrate.gated_unet import (
    GatedUNet,
    hardened,
    multiplications,
    parameters,
)
from adabench.workloads.depth_width.draw.substrate.prompted_pictures import Prompt, encode
from adabench.workloads.depth_width.draw.substrate.trained_arms import Arm, restored_arm
from adabench.workloads.depth_width.draw.substrate.training_names import (
    FOLDER,
    FORECAST_S,
    of_seed,
)
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording
from adabench.workloads.shared.training import checkpoints, weight_packing
from adabench.workloads.shared.training.checkpoints import one_thread

Floats = NDArray[np.float32]
WORDING = Wording(
    foreign="The answer was not drawn by this bench.",
    twice="A case was drawn in two ways, and one of them is not counted.",
    call="draw",
)


@dataclass(frozen=True)
class DrawCase:
    """A case: prompts, noisy pictures of each, and noise to draw from."""

    index: int
    prompts: tuple[Prompt, ...]
    noisy: Floats
    """[n, noises, side, side]."""
    times: Floats
    """[n, noises]: how much of each is noise."""
    start: Floats
    """[n, side, side]."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network that this bench gave out."""

    model: GatedUNet
    arm: str
    place: int
    """Which of the arm's networks; -1 for one that was cut for a prompt."""
    resident: int
    """Weights that must be in memory for all that the arm may draw."""
    choices: int
    """How many networks the arm has."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was said of the noisy pictures, and what was drawn: what `solve` returns."""

    velocity: Tensor
    """[n, noises, side, side]."""
    pictures: Tensor
    """[n, side, side]; of no side where nothing was drawn."""
    digest: str


@dataclass(frozen=True)
class Outcome:
    """What the scorer gets: plain data."""

    velocity: Tensor
    pictures: Tensor
    arm: str
    places: tuple[int, ...]
    """The network of each prompt."""
    costs: tuple[int, ...]
    """Multiplications of a reading, of each prompt's network."""
    choices: int
    counted: Mapping[str, float]


@dataclass
class DrawBench:
    """The bench of one training."""

    source: str
    seed: int
    steps: int
    meter: Meter = field(default_factory=Meter)
    _ledger: AnswerLedger[Drawn, Outcome] = field(init=False, repr=False, compare=False)
    _given: dict[int, Network] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Open the ledger."""
        self._ledger = AnswerLedger(
            self.meter, WORDING, _says, lambda one, other: one.counted == other.counted
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without the ledger."""
        return DrawBench, (self.source, self.seed, self.steps, self.meter)

    @property
    def training(self) -> str:
        """Return the name of the training."""
        return of_seed(self.source, self.seed)

    def warm(self) -> None:
        """Read the training, which all methods share."""
        with one_thread():
            _weights(self.training)

    def arm(self, name: str) -> Arm:
        """Return an arm as it was trained.

        Raises:
            EnvironmentProblem: if it was not trained.
        """
        checkpoints.note(self.training, FOLDER)
        return _arm(self.training, name)

    def networks(self, name: str) -> tuple[Network, ...]:
        """Return the networks of an arm."""
        arm = self.arm(name)
        resident = sum(parameters(one.hidden) for one in arm.networks)
        return tuple(
            self._given_out(Network(one, name, place, resident, len(arm.networks)))
            for place, one in enumerate(arm.networks)
        )

    def cut(self, name: str, structure: Tensor) -> Network:
        """Return the network that a structure [GATES] leaves of an arm's first one."""
        whole = self.arm(name).networks[0]
        return self._given_out(
            Network(hardened(whole, structure), name, -1, parameters(whole.hidden), 0)
        )

    def vectors(self, case: DrawCase) -> Tensor:
        """Return the vectors of a case's prompts, [n, WIDTH]."""
        return encode(case.prompts, self.source)

    @torch.no_grad()
    def draw(self, case: DrawCase, networks: Sequence[Network]) -> Drawn:
        """Denoise a case's noisy pictures and draw its prompts, each by its network, and count what is multiplied.

        Raises:
            MethodContractError: for networks that are none of this bench, or not as many as prompts.
        """
        before = self._ledger.open(case.index)
        if len(networks) != len(case.prompts) or any(
            id(one) not in self._given for one in networks
        ):
            raise MethodContractError(
                "draw() takes a network of this bench for each prompt; "
                f"{len(case.prompts)} prompts got {len(networks)} networks."
            )
        batches: dict[int, list[int]] = {}
        for place, network in enumerate(networks):
            batches.setdefault(id(network), []).append(place)
        velocity = torch.empty(case.noisy.shape)
        pictures = torch.empty(case.start.shape if self.steps else (len(networks), 0, 0))
        vectors = encode(case.prompts, self.source)
        with one_thread():
            for own in batches.values():
                model = networks[own[0]].model
                velocity[own] = _denoised(model, case, own, vectors[own])
                if self.steps:
                    start = torch.from_numpy(case.start[own])
                    pictures[own] = remove_noise(
                        model.velocity,
                        start,
                        vectors[own],
                        self.steps,
                    )
        side, noises = case.noisy.shape[-1], case.noisy.shape[1]
        costs = tuple(multiplications(one.model.hidden, side) for one in networks)
        readings = noises + 2 * self.steps
        arms = {one.arm: one.resident for one in networks}
        counted = {
            "multiplications": sum(costs) / len(costs),
            "flops_counted": 2.0 * readings * sum(costs) / len(costs),
            "parameters": float(sum(arms.values())),
            "batches": float(len(batches)),
        }
        answer = Drawn(velocity, pictures, _digest(velocity, pictures))
        places = tuple(one.place for one in networks)
        outcome = Outcome(
            velocity, pictures, networks[0].arm, places, costs, networks[0].choices, counted
        )
        self._given = {key: one for key, one in self._given.items() if one.place >= 0}
        added = {"pictures_read": float(readings * len(networks))}
        return self._ledger.enter(case.index, before, answer, outcome, added)

    def account(self, case: DrawCase, answer: Drawn) -> Outcome:
        """Return what was drawn, and what was counted.

        Raises:
            MethodContractError: if it is not what this bench drew last for the case.
        """
        return self._ledger.confirm(case.index, answer)

    def _given_out(self, network: Network) -> Network:
        self._given[id(network)] = network
        return network


def _denoised(model: GatedUNet, case: DrawCase, own: list[int], vectors: Tensor) -> Tensor:
    noisy = torch.from_numpy(case.noisy[own])
    noises = noisy.shape[1]
    times = torch.from_numpy(case.times[own]).flatten()
    said = model.velocity(noisy.flatten(0, 1), times, vectors.repeat_interleave(noises, 0))
    return said.view(noisy.shape)


@cache
def _arm(training: str, name: str) -> Arm:
    with one_thread():
        return restored_arm(_weights(training), name)


@cache
def _weights(training: str) -> dict[str, Tensor]:
    home = checkpoints.home(training, FOLDER)
    return weight_packing.unpacked(checkpoints.weights(training, home, FORECAST_S))


def _digest(*tensors: Tensor) -> str:
    found = hashlib.sha256()
    for one in tensors:
        found.update(one.contiguous().numpy().tobytes())
    return found.hexdigest()


def _says(answer: Drawn, counted: Outcome) -> bool:
    del counted
    return answer.digest == _digest(answer.velocity, answer.pictures)
