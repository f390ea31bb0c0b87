"""Two runs on unlike hardware: speed as a fraction of what each machine can do at most.

    compute    = operations / latency / rate of a large matrix product
    bandwidth  = bytes moved / latency / rate of a large copy

Both are higher where more of the machine is used. The ceilings are those that the run's
hardware profile measured (`profilers/hardware/machine_profile.py`), each with an uncertainty; two of them
doubt every ratio of fractions by the square root of the sum of their squares. A case that
ran on a GPU (it has `cuda_s`) is held against the GPU's ceilings.
"""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np

from adabench.harness.analysis.operating_points import unit_of
from adabench.harness.contract.card import Card
from adabench.harness.stats.intervals import FloatArray
from adabench.profilers.hardware.machine_profile import Profile
from adabench.profilers.hardware.machine_profile import fractions as of_machine

NAMES: Mapping[str, str] = {"compute": "compute_fraction", "bandwidth": "bandwidth_fraction"}
INPUTS = ("latency_s", "flops", "flops_counted", "tokens", "bytes_moved", "cuda_s")
"""Columns that fractions are made of."""
Z975 = NormalDist().inv_cdf(0.975)
UNITY = {"latency_s": 1.0, "flops": 1.0, "bytes_moved": 1.0}


class Share(NamedTuple):
    """What cases made of a machine."""

    values: FloatArray
    """(n,) fractions; NaN where a case lacks an input."""
    u_rel: float
    """Of the ceiling: the same for all of them."""
    of: str
    """The ceiling's name."""


def shares(columns: Mapping[str, FloatArray], pinned: Profile, card: Card) -> dict[str, Share]:
    """Return every fraction that can be formed of the (n,) columns of one task's cases."""
    latency, device = columns.get("latency_s"), columns.get("cuda_s")
    if latency is None:
        return {}
    on_gpu = device is not None and not np.isnan(device).all()
    place: Literal["cpu", "gpu"] = "gpu" if on_gpu else "cpu"
    work = {"compute": _operations(columns, card), "bandwidth": columns.get("bytes_moved")}
    found = {}
    for ceiling in of_machine(UNITY, pinned, place=place):
        done = work.get(ceiling.name)
        if done is not None:
            rate = np.divide(done, latency, out=np.full_like(done, np.nan), where=latency > 0)
            found[NAMES[ceiling.name]] = Share(rate * ceiling.value, ceiling.u_rel, ceiling.of)
    return found


def slack(a: Share, b: Share) -> float:
    """Return how far two ceilings may move every ratio of fractions, with 95 %, as a logarithm."""
    return Z975 * math.hypot(a.u_rel, b.u_rel)


def _operations(columns: Mapping[str, FloatArray], card: Card) -> FloatArray | None:
    """Return the operations of a case, counted ones first; those per token times its tokens."""
    counted, tokens = columns.get("flops_counted"), columns.get("tokens")
    if counted is None:
        return columns.get("flops")
    if unit_of("flops_counted", card) != "FLOP/token":
        return counted
    return None if tokens is None else counted * tokens
