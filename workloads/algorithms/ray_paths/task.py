"""Ray paths: the walls along which a signal reaches the receiver.

A case is a hundred scenes of a family (twenty of other families than `street`): triangles, a
transmitter, a receiver. A path of order K reflects in K triangles; a candidate is a sequence of K
triangles without an immediate repeat, n (n - 1)^(K - 1) of them, of which one or two are paths. A
method says which candidates are traced:

    def solve(task, case, point):
        return task.trace(case, propose)        # propose(query) -> (m, K) candidates

and the task traces them (`compiled_tracer.py`), scene by scene, for all methods alike.

**What is scored.** `hit_rate`: distinct paths found over all there are, a mean over scenes that
have one at least; `dark` is the share of those that have none. `accuracy`: the share of the
proposed candidates that are paths; the same path twenty times has accuracy 1 and a low hit rate.
`blind_rate` is the share of all candidates that was traced: the hit rate that choosing blindly
has on average. `traced` is candidates a scene, each once; `occlusion_tests` counts tests of a
segment against a triangle, all scenes together. `latency_s` is a case: all its scenes, one after
another.

`scene_s` is the CPU time of one scene, proposing and tracing: claims about time are held to it.

**Oracle.** Exhaustive enumeration, compiled; exact. Tests hold it against a second tracer.

    adabench run 'ray_paths/*' --set scene=sionna       the street canyon of sionna-rt
    adabench run 'ray_paths/*' --set scene=FILE.ply     a mesh of your own (`mesh_reader.py`)

**Limits.** Specular reflection only; walls reflect on both sides. K = 3 runs (`--set K=3`, 20
scenes rather than 100); the taught sampler is trained by another loss there.

**Scale `gpu`** has the sampler's network and the tracer in tensors on the device, for the sampler
as for exhaustive search; the compiled enumeration stays on the host. Nobody has run it on a GPU
yet.
"""

import torch

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import DeviceUnavailable, SelectionError
from adabench.workloads.algorithms.ray_paths.conformance import check
from adabench.workloads.algorithms.ray_paths.substrate.mesh_reader import read_scene
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import FAMILIES, SUITE, generate
from adabench.workloads.algorithms.ray_paths.truth.all_paths import scored_task

CARD = Card(
    title="Ray paths by reflection",
    paper="Transform-Invariant Generative Ray Path Sampling, arXiv 2603.01655, March 2026",
    adapts="which sequences of objects are traced at all",
    scales=("embedded", "gpu"),
    gaps=(
        Gap(
            mixture=("dense_exhaustive", "exhaustive", "nearest", "uniform", "visibility_pruned"),
            methods=("generative_sampler", "ablated_sampler", "shuffled_sampler"),
            oracle="hindsight",
            coin="shuffled_sampler",
        ),
        Gap(
            mixture=("dense_exhaustive", "exhaustive", "nearest", "uniform", "visibility_pruned"),
            methods=("taught_sampler",),
            oracle="hindsight",
        ),
    ),
    knobs=(
        Knob("K", (1, 2), 2, open=True, low=1, high=3),
        Knob("scenes", (100,), 100, open=True, low=1, high=10000),
        Knob("scene", ("suite",), "suite", open=True),
    ),
    cases="nested",
    metrics=(
        Metric("hit_rate", "", "higher", "quality", primary=True),
        Metric("traced", "candidates/scene", "lower", "work", primary=True),
        Metric("accuracy", "", "higher", "quality"),
        Metric("candidates", "candidates", "lower", "work"),
        Metric("occlusion_tests", "tests", "lower", "work"),
        Metric("sampled", "candidates", "lower", "work"),
        Metric("scene_s", "s", "lower", "cost"),
        Metric("blind_rate", "", "lower", "info"),
        Metric("dark", "", "lower", "info"),
        Metric("paths", "paths/scene", "higher", "info"),
        Metric("possible", "candidates/scene", "higher", "info"),
        Metric("triangles", "triangles/scene", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"scenes": 12}
OUTCOMES = (Tracing,)

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def load(scale: str, seed: int, *, K: int = 2, scenes: int = 100, scene: str = "suite") -> RayPaths:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale that it does not have, or a scene that is neither a family
            nor a usable mesh.
        EnvironmentProblem: if `sionna` is asked for and not installed.
        DeviceUnavailable: at scale `gpu` without a CUDA device.
    """
    if scale not in CARD.scales:
        raise SelectionError(
            f"ray_paths has no scale {scale!r}.", f"It has: {', '.join(CARD.scales)}."
        )
    if scale == "gpu" and not torch.cuda.is_available():
        raise DeviceUnavailable(
            "ray_paths at scale gpu: not testable here, no CUDA device is visible.",
            "Run it where torch.cuda.is_available(), or leave out --scale gpu.",
        )
    device = "cuda" if scale == "gpu" else "cpu"
    if scene != "suite" and scene not in FAMILIES:
        return scored_task((read_scene(scene, scenes, K, seed),), device=device)
    names = SUITE if scene == "suite" else (scene,)
    sizes = {name: scenes if name in (scene, "street") else -(-scenes // 5) for name in names}
    cases = tuple(generate(name, sizes[name], K, seed) for name in names)
    return scored_task(cases, device=device)
