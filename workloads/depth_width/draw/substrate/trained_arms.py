"""What a training left: the whole model, and of each arm its router and networks, as they stand in a file.

A file has the whole model in eight bits, and of each network the structure that was cut out of it and, in four bits, what fine-tuning
changed. Codes are written in half precision, and structures follow from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
from adabench.workloads.shared.training import int8_packing

ROW = 128
"""Weights that share a scale."""


@dataclass(frozen=True, eq=False)
class Arm:
    """An arm as it was trained."""

    networks: tuple[GatedUNet, ...]
    structures: Tensor
    """Of the networks, [N, GATES]; ones where a network is cut for each prompt."""
    router: Mapping[str, Tensor]
    """Parts of what chooses a network, by name; none where there is no choice, or it is made by lot."""
    counts: Tensor | None
    """How many pictures of the training each network has, [N], where prompts are dealt to them by lot."""


def stored(whole: GatedUNet, arms: Mapping[str, Arm]) -> dict[str, Tensor]:
    """Return what a file holds of a training."""
    found = int8_packing.packed(_flat(f"{WHOLE}/", whole.state_dict()), BASE_LEVELS)
    base = restored_whole(found)
    for name, arm in arms.items():
        changes = {
            f"{name}/{place}": _row(network) - _row(hardened(base, arm.structures[place]))
            for place, network in enumerate(arm.networks)
        }
        rows = {
            key: functional.pad(value, (0, -len(value) % ROW)).view(-1, ROW)
            for key, value in changes.items()
        }
        found |= int8_packing.paired(int8_packing.packed(rows, CHANGE_LEVELS))
        found |= {f"{name}:{part}": value for part, value in arm.router.items()}
        found[f"{name}:structures"] = arm.structures.to(torch.uint8)
        if arm.counts is not None:
            found[f"{name}:counts"] = arm.counts.to(torch.int32)
    return {key: _small(value) for key, value in found.items()}


def restored_whole(weights: Mapping[str, Tensor]) -> GatedUNet:
    """Return the whole model of a file."""
    flat, whole = _part(weights, f"{WHOLE}/"), GatedUNet()
    whole.load_state_dict(
        {key: flat[key].view(value.shape) for key, value in whole.state_dict().items()}
    )
    return whole.requires_grad_(False).eval()


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
    counts, structures = own.pop("counts", None), own.pop("structures")
    base, rows = restored_whole(weights), _part(weights, f"{name}/")
    networks = tuple(
        _changed(hardened(base, one), rows[str(place)]) for place, one in enumerate(structures)
    )
    return Arm(networks, structures, own, counts)


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


def _flat(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        prefix + key: value.flatten(1) if value.dim() > 1 else value for key, value in state.items()
    }


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    own: dict[str, Any] = {
        key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)
    }
    return int8_packing.unpacked(own)


def _small(value: Tensor) -> Tensor:
    return value.half() if value.dtype == torch.float32 and value.dim() else value
