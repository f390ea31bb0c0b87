"""The shipped networks of the samplers, on the host or, for scale `gpu`, on a device.

On a device flows are computed there and drawn from on the host. The draws take the same coins as on
the host, so a device changes a candidate only where rounding does. What crosses over is a row of
flows for each beginning.
"""

import itertools
from functools import cache, lru_cache
from pathlib import Path

import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem
from adabench.harness.store import used_artefacts
from adabench.workloads.algorithms.ray_paths.recipes import recipes
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import Flows
from adabench.workloads.shared.training import checkpoints

FOLDER = Path(__file__).parents[1] / "checkpoints"


class DeviceFlows(Flows):
    """Flows that take host tensors, work on a device and give flows back to the host."""

    def encode(self, coords: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
        """Return embeddings and what objects and scene give `flow`, both left on the device."""
        device = self.state.weight.device
        return super().encode(coords.to(device), active.to(device))

    def follow(self, embedded: Tensor, chosen: Tensor) -> Tensor:
        """Return what a state gives `flow`: chosen (..., s, k) of the host -> (..., s, W)."""
        return super().follow(embedded, chosen.to(embedded.device))

    def flow(self, known: Tensor, state: Tensor | None = None) -> Tensor:
        """Return flows on the host; the copy waits for the device."""
        return super().flow(known, state).cpu()


@lru_cache(maxsize=16)
def restore(name: str, folder: Path | None = None) -> Flows:
    """Return a checkpoint's network in fp32, from a folder, or from where it was put.

    Raises:
        EnvironmentProblem: if it was not trained yet.
        SelectionError: if there is no recipe of that name.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    place = folder or checkpoints.home(name, FOLDER)
    network = Flows(recipe.order)
    network.load_state_dict(checkpoints.weights(name, place, recipe.forecast_s))
    return network.eval().requires_grad_(False)


@cache  # files are not looked for while a method is measured
def _in_turn(base: str, seed: int) -> str:
    """Name one of the trainings that are there, shipped or cached, taken in turn."""
    there = itertools.takewhile(
        lambda k: checkpoints.is_there(f"{base}-s{k}", FOLDER), range(len(recipes()))
    )
    return f"{base}-s{seed % max(len(list(there)), 1)}"


def ablation_network(order: int, without: str, teacher: str) -> Flows:
    """Return the network that was trained without replay, exploration or the mask.

    Raises:
        EnvironmentProblem: if there is none for so many reflections.
    """
    part = {"replay": "noreplay", "exploration": "noexplore", "mask": "nomask"}[without]
    own = "own-" if teacher == "own" and without != "replay" else ""  # without one nobody fills it
    name = f"k{order}-{own}{part}-s0"
    if name not in recipes():
        raise EnvironmentProblem(
            f"No network without {without} is there for {order} reflections.", "Choose K = 2."
        )
    return _handed_out(name)


def _handed_out(name: str) -> Flows:
    used_artefacts.note(name, _path(name))
    return restore(name)


@cache
def _path(name: str) -> Path:
    return checkpoints.home(name, FOLDER) / f"{name}{checkpoints.SUFFIX}"


def network_on(order: int, seed: int, device: str = "cpu", *, taught: bool = False) -> Flows:
    """Return the network that a run with this seed uses: trained as in the paper, or by a search."""
    network = _handed_out(_in_turn(f"k{order}" if taught else f"k{order}-own", seed))
    return network if device == "cpu" else _on_device(network, order, device)


@lru_cache(maxsize=16)
def _on_device(network: Flows, order: int, device: str) -> Flows:
    made = DeviceFlows(order)
    made.load_state_dict(network.state_dict())
    return made.to(torch.device(device)).eval().requires_grad_(False)
