"""The recipes of this task's routers."""

from adabench.workloads.agents.teams.substrate.routers import RouterRecipe, recipes

__all__ = ["RouterRecipe", "recipes"]
