"""What a training left: the whole model, and of each arm its router and networks, as they stand in a file.

A file has the whole model in eight bits, and of each network the structure that was cut out of it and, in six bits, what fine-tuning
changed. Codes are written in half precision, and structures follow from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.draw.substrate.gated_unet import GATES, GatedUNet, hardened
from adabench.workloads.depth_width.draw.substrate.training_names import (
    BASE_LEVELS,
    CHANGE_LEVELS,
    WHOLE,
)
from adabench.workloads.shared.training import weight_packing

ROW = 64
"""Weights that share a scale."""


@dataclass(frozen=True, eq=False)
class Arm:
    """An arm as it was trained."""

    networks: tuple[GatedUNet, ...]
    structures: Tensor
    """Of the networks, [N, GATES]; ones where a network is cut for each prompt."""
    router: Mapping[str, Tensor]
    """Parts of what chooses a network, by name; none where there is no choice, or it is made by lot."""
    shares: Tensor | None
    """The share of prompts that each network gets, [N], where they are dealt by lot."""


def stored(whole: GatedUNet, arms: Mapping[str, Arm]) -> dict[str, Tensor]:
    """Return what a file holds of a training."""
    found = weight_packing.packed({WHOLE: _rows(_row(whole))}, BASE_LEVELS)
    base = restored_whole(weight_packing.unpacked(found))
    every = {WHOLE: _rows(_row(whole))}
    for name, arm in arms.items():
        for place, network in enumerate(arm.networks):
            change = _row(network) - _row(hardened(base, arm.structures[place]))
            every[f"{name}/{place}"] = _rows(change)
        every |= {f"{name}:{part}": value for part, value in arm.router.items()}
        every[f"{name}:structures"] = arm.structures
        if arm.shares is not None:
            every[f"{name}:shares"] = arm.shares
    return weight_packing.packed(every, _levels)


def _levels(name: str) -> int:
    """Return the steps in which something of a file is written; 0: in half precision."""
    return BASE_LEVELS if name == WHOLE else CHANGE_LEVELS * ("/" in name)


def restored_whole(weights: Mapping[str, Tensor]) -> GatedUNet:
    """Return the whole model of a file's weights."""
    none = GatedUNet().requires_grad_(False)
    for value in none.state_dict().values():
        value.zero_()
    return _changed(none, weights[WHOLE])


def restored_arm(weights: Mapping[str, Tensor], name: str) -> Arm:
    """Return an arm of a file's weights.

    Raises:
        EnvironmentProblem: if the file holds no such arm.
    """
    if name == WHOLE:
        return Arm((restored_whole(weights),), torch.ones(1, GATES), {}, None)
    own = {
        key.split(":", 1)[1]: value for key, value in weights.items() if key.startswith(f"{name}:")
    }
    if not own:
        raise EnvironmentProblem(
            f"The checkpoint holds no {name} that can be read.",
            "Train it again: adabench train 'draw/*'.",
        )
    shares, structures = own.pop("shares", None), own.pop("structures")
    base = restored_whole(weights)
    networks = tuple(
        _changed(hardened(base, one), weights[f"{name}/{place}"])
        for place, one in enumerate(structures)
    )
    return Arm(networks, structures, own, shares)


def _rows(row: Tensor) -> Tensor:
    """Return numbers in rows that have a scale each, [rows, 1, ROW]."""
    return functional.pad(row, (0, -len(row) % ROW)).view(-1, 1, ROW)


def _row(network: GatedUNet) -> Tensor:
    """Return all weights of a network in one row."""
    return torch.cat([value.flatten() for value in network.state_dict().values()])


def _changed(network: GatedUNet, change: Tensor) -> GatedUNet:
    """Return a network with what was changed added to its weights."""
    row, first = change.flatten(), 0
    for value in network.state_dict().values():
        value += row[first : first + value.numel()].view(value.shape)
        first += value.numel()
    return network.requires_grad_(False).eval()
