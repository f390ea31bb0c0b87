"""The pool of a model: its draft and itself, each with 1 or 4 votes; and what they answered before.

    configuration   draft@1 draft@4   model@1 model@4
    price           in FLOPs, as sessions counted them

The draft is the one that the task's pair has: the model without a tenth of its layers, or who `draft` names.
Responses are to sums of the `train` split (`training/train_responses.py`), and are read only beside the
weights that gave them.
"""

import numpy as np

from adabench.workloads.shared.language_model.written_sequence import POLICY
from adabench.workloads.shared.sources.model_spec import THINNED, ModelSpec
from adabench.workloads.test_time.substrate.configurations import ResponseTable, configurations_of
from adabench.workloads.test_time.text.recipes import responses_of
from adabench.workloads.test_time.text.substrate.vote_plan import fitted

LARGE = "large"
"""The model's role in a session; its draft reads the prompt first."""
CONFIGURATIONS = configurations_of({"draft": POLICY, "model": LARGE}, (1, 4))


def read_responses(model: ModelSpec, draft: ModelSpec | None) -> ResponseTable:
    """Return the responses of a model and its draft, and note their use; None: a thinned one.

    Raises:
        CapabilityMissing: if none were gathered of just these weights; it says how to.
    """
    plan = responses_of(str(model), THINNED if draft is None else str(draft))
    whom = f"{model} with {plan.draft} as its draft" if draft else str(model)
    found = {
        name: value.numpy().astype(np.float64)
        for name, value in fitted(plan, "A table of responses", whom).items()
    }
    return ResponseTable(
        CONFIGURATIONS, found["states"], found["lengths"], found["right"], found["generated"],
        found["flops"], found["axes"],
    )  # fmt: skip
