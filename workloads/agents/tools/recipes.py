"""The recipes of this task's choosers."""

from adabench.workloads.agents.tools.substrate.choosers import ChooserRecipe, recipes

__all__ = ["ChooserRecipe", "recipes"]
