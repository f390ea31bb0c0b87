"""What methods do not get of the policy that was chosen, and what would give it; nothing is loaded for it."""

from adabench.workloads.test_time.chain.recipes import ORDERS, RESPONSES, REVISER, ROUTER, Layout
from adabench.workloads.test_time.chain.substrate.configuration_pool import has_pool
from adabench.workloads.test_time.chain.substrate.trained_models import (
    all_there,
    has_pair,
    has_revisers,
)

FIRST = "Choose policy=lm-s, layout=several and trainings=1."
SMALL = "Choose policy=lm-s."


def absences(policy: str, layout: Layout, trainings: int) -> dict[str, tuple[str, str]]:
    """Return by ability why it is not there and what would give it."""
    found = {"orders": ("The factors of these questions have an order.", "Choose format=orders.")}
    is_small = policy == "lm-s"
    which = f"policy={policy}, layout={layout}, trainings={trainings}"
    if not is_small:
        found["scores"] = f"No judge is stronger than {policy}.", SMALL
    if not (is_small and layout == "several" and has_pair(trainings)):
        found["draft"] = f"With {which} the policy is the draft of no other.", FIRST
    if not has_pool(policy, layout, trainings):
        found["pool"] = f"With {which} no larger policies stand beside it.", FIRST
    if not (is_small and layout == "several" and has_revisers(trainings)):
        remedy = f"{FIRST[:-1]}, or train a policy for each training: adabench train 'chain/{REVISER}-s*'."
        found["revisions"] = f"With {which} no policy was trained on attempts of its own.", remedy
    return found


def absences_of_orders(policy: str, trainings: int) -> dict[str, tuple[str, str]]:
    """Return the same of the format `orders`."""
    found = {}
    is_small = policy == "lm-s"
    if not is_small:
        found["scores"] = f"No judge is stronger than {policy}.", SMALL
    for ability, base, reason in (
        ("draft", ROUTER, "the policy is the draft of no other."),
        ("pool", RESPONSES, "no larger policies stand beside it."),
        ("revisions", REVISER, "no policy was trained on attempts of its own."),
    ):
        if not is_small:
            found[ability] = f"With policy={policy} {reason}", SMALL
        elif not all_there(base, trainings):
            remedy = f"Train what is missing: adabench train 'chain/{base}{ORDERS}-s*'."
            found[ability] = f"With format=orders and trainings={trainings} {reason}", remedy
    return found
