"""What the keys are for: what was run in every phase, and in which steps."""

from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.traces import Keys
from adabench.workloads.depth_width.substrate.costs import counted


def phases(solution: Solution, tokens: int) -> dict[str, float]:
    """Return what ran in the question, in latent steps and in language."""
    ran = {phase: solution.executions(phase) for phase in ("question", "latent", "language")}
    return {
        "executions": float(sum(part.sum() for part in ran.values())) / tokens,
        "executions_latent": float(ran["latent"].double().mean()),
        "executions_language": float(ran["language"].double().mean()),
        "tokens_language": float(solution.spoken.double().mean()),
        "steps_latent": float(solution.steps.double().mean()),
    }


def costs(solution: Solution, tokens: int) -> dict[str, float]:
    """Return what was counted in all phases together, per token."""
    works = [
        work for book in solution.books for work in (book.question, book.latent, book.language)
    ]
    return counted(works, tokens, solution.parameters)


def allocation(solution: Solution, keys: Keys) -> dict[str, float]:
    """Return the layers run in both kinds of latent steps, where a step is one operation."""
    steps = solution.steps.numpy()
    depths = solution.exits.numpy()
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
