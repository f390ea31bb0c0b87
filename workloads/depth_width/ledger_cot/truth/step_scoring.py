"""What the keys are for: in which steps the layers ran."""

from adabench.workloads.depth_width.ledger_cot.substrate.solution_tally import SolutionTally
from adabench.workloads.depth_width.ledger_cot.substrate.traces import Keys


def allocation(tally: SolutionTally, keys: Keys) -> dict[str, float]:
    """Return the layers run in both kinds of latent steps, where a step is one operation."""
    steps = tally.steps.numpy()
    depths = tally.exits.numpy()
    critical = keys.critical[:, : depths.shape[1]]
    there = (depths >= 0) & (steps == keys.steps)[:, None]
    if not (there & critical).any() or not (there & ~critical).any():
        return {}
    found = {
        name: float(depths[there & (critical == kind)].mean())
        for name, kind in (("depth_critical", True), ("depth_trivial", False))
    }
    if found["depth_trivial"]:
        found["critical_over_trivial"] = found["depth_critical"] / found["depth_trivial"]
    return found
