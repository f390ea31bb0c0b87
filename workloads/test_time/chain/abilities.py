"""What methods do not get of the policy that was chosen, and what would give it; nothing is loaded for it."""

from adabench.workloads.test_time.chain.recipes import REVISER, Layout
from adabench.workloads.test_time.chain.substrate.configuration_pool import has_pool
from adabench.workloads.test_time.chain.substrate.trained_models import has_pair, has_revisers

FIRST = "Choose policy=lm-s, layout=several and trainings=1."
SPLITS = "Choose format=splits."


def absences(policy: str, layout: Layout, trainings: int) -> dict[str, tuple[str, str]]:
    """Return by ability why it is not there and what would give it."""
    found = {"orders": ("The factors of these questions have an order.", "Choose format=orders.")}
    is_small = policy == "lm-s"
    which = f"policy={policy}, layout={layout}, trainings={trainings}"
    if not is_small:
        found["scores"] = f"No judge is stronger than {policy}.", "Choose policy=lm-s."
    if not (is_small and layout == "several" and has_pair(trainings)):
        found["draft"] = f"With {which} the policy is the draft of no other.", FIRST
    if not has_pool(policy, layout, trainings):
        found["pool"] = f"With {which} no larger policies stand beside it.", FIRST
    if not (is_small and layout == "several" and has_revisers(trainings)):
        remedy = f"{FIRST[:-1]}, or train a policy for each training: adabench train 'chain/{REVISER}-s*'."
        found["revisions"] = f"With {which} no policy was trained on attempts of its own.", remedy
    return found


def absences_of_orders(policy: str) -> dict[str, tuple[str, str]]:
    """Return the same of the format `orders`, for which nothing but a policy and a judge was trained."""
    found = {
        "draft": ("With format=orders the policy is the draft of no other.", SPLITS),
        "pool": ("With format=orders no larger policies stand beside it.", SPLITS),
        "revisions": ("With format=orders no policy was trained on attempts of its own.", SPLITS),
    }
    if policy != "lm-s":
        found["scores"] = f"No judge is stronger than {policy}.", "Choose policy=lm-s."
    return found
