"""The sampler's network on a device, for scale `gpu`: flows there, draws on the host.

The draws take the same coins as on the host, so a device changes a candidate only where rounding
does. What crosses over is a row of flows for each beginning.
"""

from functools import lru_cache

import torch
from torch import Tensor

from adabench.workloads.algorithms.ray_paths.checkpoints import trained
from adabench.workloads.algorithms.ray_paths.methods.generative_sampler.network import Flows


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
def trained_on(order: int, seed: int, device: str) -> Flows:
    """Return the shipped network for a run seed, on the host or on a device."""
    network = trained(order, seed)
    if device == "cpu":
        return network
    made = DeviceFlows(order)
    made.load_state_dict(network.state_dict())
    return made.to(torch.device(device)).eval().requires_grad_(False)
