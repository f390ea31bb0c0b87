"""The recipes of this task: pruners of desks, and libraries of graphs."""

from adabench.workloads.agents.workflows.substrate import library, pruners

Recipe = pruners.PrunerRecipe | library.LibraryRecipe


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name."""
    return {**pruners.recipes(), **library.recipes()}
