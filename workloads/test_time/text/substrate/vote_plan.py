"""The table of votes that was fitted to a model; and whatever else was, if it was to just these weights."""

from torch import Tensor

from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.sources.model_digest import model_digest
from adabench.workloads.shared.sources.model_spec import ModelSpec, draft_spec, model_spec
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.substrate.strategies import Plan
from adabench.workloads.test_time.substrate.strategy_store import restored
from adabench.workloads.test_time.text.recipes import FOLDER, Recipe, table_of
from adabench.workloads.test_time.text.substrate.state_judge import card_of


def vote_plan(spec: ModelSpec, weights: str = "") -> Plan:
    """Return the tables, and note their use; `weights` is the digest of a model that is not here.

    Raises:
        CapabilityMissing: if none was fitted to just these weights; it says how to fit one.
    """
    found = fitted(table_of(str(spec)), "A table of strategies", str(spec), weights)
    return restored("votes", found)


def fitted(plan: Recipe, what: str, whom: str, weights: str = "") -> dict[str, Tensor]:
    """Return what a recipe made, and note its use.

    Raises:
        CapabilityMissing: if it was made for no weights, or for others; it says how to make it.
    """
    home = checkpoints.home(plan.name, FOLDER)
    remedy = f"Fit one, in about {plan.forecast_s} s of one core: adabench train {plan.words}"
    if not checkpoints.is_there(plan.name, FOLDER):
        raise CapabilityMissing(f"{what}: none was fitted to {whom}.", remedy)
    if card_of(home / f"{plan.name}.json").get("weights") != (weights or weights_of(plan)):
        raise CapabilityMissing(f"{what}: the one in {home} was fitted to other weights.", remedy)
    checkpoints.note(plan.name, FOLDER)
    return checkpoints.weights(plan.name, home, plan.forecast_s)


def weights_of(plan: Recipe) -> str:
    """Return the digests of the weights that a recipe is for: of the model, and of a draft of its own.

    Raises:
        SelectionError: if there is no such folder.
        EnvironmentProblem: if a package is missing.
    """
    draft = draft_spec(plan.draft)
    specs = [model_spec(plan.model), *([] if draft is None else [draft])]
    return " ".join(map(model_digest, specs))
