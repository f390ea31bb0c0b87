"""What methods do not get of the policy that was chosen, and what would give it; nothing is loaded for it."""

from adabench.workloads.test_time.chain.recipes import ORDERS, RESPONSES, REVISER, ROUTER
from adabench.workloads.test_time.chain.substrate.trained_models import SMALL, all_there

OTHER_FORMAT = "Choose format=orders."


def absences(policy: str, trainings: int) -> dict[str, tuple[str, str]]:
    """Return by ability why it is not there and what would give it."""
    found = {
        "successors": ("No policy of these questions learned by reward.", "Choose format=splits.")
    }
    is_small = policy == SMALL
    remedy = f"Choose policy={SMALL}."
    if not is_small:
        found["scores"] = f"No judge is stronger than {policy}.", remedy
    for ability, base, reason in (
        ("draft", ROUTER, "the policy is the draft of no other."),
        ("pool", RESPONSES, "no larger policies stand beside it."),
        ("revisions", REVISER, "no policy was trained on attempts of its own."),
    ):
        if not is_small:
            found[ability] = f"With policy={policy} {reason}", remedy
        elif not all_there(base, trainings):
            missing = f"Train what is missing: adabench train 'chain/{base}{ORDERS}-s*'."
            found[ability] = f"With trainings={trainings} {reason}", missing
    return found


def absences_of_splits() -> dict[str, tuple[str, str]]:
    """Return the same of the format `splits`, for which nothing but a policy was trained."""
    return {
        "orders": ("The factors of these questions have an order.", OTHER_FORMAT),
        "scores": ("With format=splits nobody judges what the policy writes.", OTHER_FORMAT),
        "draft": ("With format=splits the policy is the draft of no other.", OTHER_FORMAT),
        "pool": ("With format=splits no larger policies stand beside it.", OTHER_FORMAT),
        "revisions": ("With format=splits no policy was trained on attempts.", OTHER_FORMAT),
    }
