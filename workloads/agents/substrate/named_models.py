"""A model that `--model` names, where the small ones of a task are `builtin`: read early, opened where it is used."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.substrate.policy_recipes import SHIPPED
from adabench.workloads.shared.sources.codec_source import context_of
from adabench.workloads.shared.sources.model_spec import ModelSpec, model_spec
from adabench.workloads.shared.training import checkpoints

AUTO = "auto"
M = TypeVar("M")


@dataclass(frozen=True)
class NamedModel:
    """A model as it was named, and where and in which numbers it runs; None: as it likes."""

    spec: ModelSpec
    device: str | None
    dtype: str | None

    @classmethod
    def read(cls, model: str, device: str, dtype: str) -> "NamedModel":
        """Read the words of `--model`, `--device` and `--dtype`.

        Raises:
            SelectionError: if they name no model that writes.
        """
        spec = model_spec(model)
        if spec.kind in ("likelihood", "trained"):
            raise SelectionError(
                f"{model} judges, and writes nothing.", "Name a model that writes."
            )
        if spec.talks:
            raise SelectionError(
                f"{spec} answers in turns, and an agent's lines are read one by one.",
                "Serve the model's completions: openai:URL#NAME.",
            )
        return cls(spec, *(None if word == AUTO else word for word in (device, dtype)))

    @property
    def is_builtin(self) -> bool:
        """Say whether it is a small one of the task."""
        return self.spec.kind == "builtin"

    @property
    def is_on_device(self) -> bool:
        """Say whether the condition names an accelerator."""
        return self.device is not None and self.device.startswith("cuda")

    @property
    def context(self) -> int | None:
        """Return how many words it reads at most; None where nothing says so."""
        return context_of(self.spec)

    def check(self) -> None:
        """Refuse, before any weight is read, a model that cannot be asked.

        Raises:
            SelectionError: if it is one that cannot run here.
            EnvironmentProblem: if a package, a device, a network or a server is missing.
        """
        if not self.is_builtin:
            from adabench.workloads.shared.sources.model_source import check_model

            check_model(self.spec, self.device, self.dtype)

    def opener(self, builtin: Callable[[], M], named: Callable[..., M]) -> Callable[[], M]:
        """Return what opens it, in whatever process; `named` takes spec, device, dtype and abilities."""
        if self.is_builtin:
            return builtin
        from adabench.workloads.shared.sources.model_source import found_abilities

        return partial(named, self.spec, self.device, self.dtype, found_abilities(self.spec))

    def refuse_longer(self, needed: int, what: str) -> None:
        """Make sure that so many words of something can be read.

        Raises:
            SelectionError: if the model's context is shorter.
        """
        if self.context is not None and needed > self.context:
            raise SelectionError(
                f"{what} may take {needed} words of {self.spec}, and its context has {self.context}.",
                "Choose a model with a longer context.",
            )


def trained_names(base: str, known: Collection[str], folder: Path, kind: str) -> list[str]:
    """Return the trainings of a model that are there; the first where none is.

    `known` are the names of recipes, which end in a training seed; `kind` is for errors.

    Raises:
        SelectionError: if there is no such model.
    """
    names = [name for name in known if name.rpartition("-s")[0] == base]
    if not names:
        bases = dict.fromkeys(name.rpartition("-s")[0] for name in known)
        raise SelectionError(f"There is no {kind} {base!r}.", nearest(base, bases))
    return [name for name in names if checkpoints.is_there(name, folder)] or names[:1]


class PolicyRecipe(Protocol):
    """A recipe of what goes with a policy."""

    @property
    def policy(self) -> str:
        """Return the policy's name."""


def training_of(
    policy: str, seed: int, recipes: Mapping[str, PolicyRecipe], folder: Path, kind: str
) -> str:
    """Return which training serves with a policy at a seed, and note that it is used: those that are there take turns.

    Raises:
        SelectionError: if there is no such model.
    """
    own = [name for name, plan in recipes.items() if plan.policy == policy]
    base = own[0].rpartition("-s")[0]
    there = [name for name in own if name in trained_names(base, recipes, folder, kind)] or own
    name = there[seed // len(SHIPPED) % len(there)]
    checkpoints.note(name, folder)
    return name
