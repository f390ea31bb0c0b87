"""The table of votes that was fitted to a model, if it was fitted to just these weights."""

from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.sources.model_digest import model_digest
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.training import checkpoints
from adabench.workloads.test_time.substrate.strategies import Plan
from adabench.workloads.test_time.substrate.strategy_store import restored
from adabench.workloads.test_time.text.recipes import FOLDER, table_of
from adabench.workloads.test_time.text.substrate.state_judge import card_of


def vote_plan(spec: ModelSpec) -> Plan:
    """Return the tables, and note their use.

    Raises:
        CapabilityMissing: if none was fitted to just these weights; it says how to fit one.
    """
    plan = table_of(str(spec))
    home = checkpoints.home(plan.name, FOLDER)
    remedy = f"Fit one, in about {plan.forecast_s} s of one core: adabench train {plan.words}"
    if not checkpoints.is_there(plan.name, FOLDER):
        raise CapabilityMissing(f"A table of strategies: none was fitted to {spec}.", remedy)
    if card_of(home / f"{plan.name}.json").get("weights") != model_digest(spec):
        raise CapabilityMissing(f"The table in {home} was fitted to other weights.", remedy)
    checkpoints.note(plan.name, FOLDER)
    return restored("votes", checkpoints.weights(plan.name, home, plan.forecast_s))
