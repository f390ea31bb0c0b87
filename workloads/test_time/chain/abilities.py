"""What methods do not get of the policy that was chosen, and what would give it; nothing is loaded for it."""

from adabench.workloads.test_time.chain.recipes import EXPERTS, ORDERS, RESPONSES, REVISER, ROUTER
from adabench.workloads.test_time.chain.substrate.trained_models import SMALL, all_there

OTHER_FORMAT = "Choose format=orders."
NO_EXPERTS = (
    "The policy is dense: none of its words can be routed otherwise.",
    f"Choose format=splits and policy={EXPERTS}.",
)
NO_EFFORT = "No policy of these questions takes an effort.", "Choose format=tries."
NO_PATHS = "No policy of these questions sums up paths of its own.", "Choose format=paths."


def absences(policy: str, trainings: int) -> dict[str, tuple[str, str]]:
    """Return by ability why it is not there and what would give it."""
    found = {
        "successors": ("No policy of these questions learned by reward.", "Choose format=splits."),
        "efforts": NO_EFFORT,
        "experts": NO_EXPERTS,
        "merges": NO_PATHS,
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


def absences_of_splits(form: str, policy: str) -> dict[str, tuple[str, str]]:
    """Return the same of the formats `splits`, `tries` and `paths`, for which nothing but policies was trained."""
    own = {
        "splits": {
            "efforts": NO_EFFORT,
            "orders": ("The factors of these questions have an order.", OTHER_FORMAT),
        },
        "tries": {
            "successors": (
                "All policies of these questions take an effort.",
                "Choose format=splits.",
            ),
            "orders": ("A solution takes several orders, not one.", OTHER_FORMAT),
        },
        "paths": {
            "successors": (
                "No policy of these questions learned by reward.",
                "Choose format=splits.",
            ),
            "efforts": NO_EFFORT,
            "orders": ("A policy of paths was not read for how it orders factors.", OTHER_FORMAT),
        },
    }
    routed = form == "splits" and policy == EXPERTS
    no_rewards = "No policy of experts learned by reward.", f"Choose policy={SMALL}."
    return {
        **own[form],
        **({} if form == "paths" else {"merges": NO_PATHS}),
        **({"successors": no_rewards} if routed else {"experts": NO_EXPERTS}),
        "scores": (f"With format={form} nobody judges what the policy writes.", OTHER_FORMAT),
        "draft": (f"With format={form} the policy is the draft of no other.", OTHER_FORMAT),
        "pool": (f"With format={form} no larger policies stand beside it.", OTHER_FORMAT),
        "revisions": (f"With format={form} no policy was trained on attempts.", OTHER_FORMAT),
    }
