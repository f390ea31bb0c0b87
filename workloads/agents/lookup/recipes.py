"""The recipes of the family's policies and value heads, which this task's folder ships."""

from adabench.workloads.agents.substrate.policy_recipes import AgentRecipe, recipes

__all__ = ["AgentRecipe", "recipes"]
