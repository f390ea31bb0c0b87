"""System-1.5 as published: how it is trained, what it hands over, and what may not pass for it."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.contract import registry
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5 import (
    train_plain_student,
    train_soft_shortcuts,
)
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_shortcuts import full_path
from adabench.workloads.depth_width.ledger_cot.substrate import shortcuts as latent_shortcuts
from adabench.workloads.depth_width.ledger_cot.substrate import train_student
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import in_thought, solve
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import Shortcuts, Shortened
from adabench.workloads.depth_width.ledger_cot.substrate.solver import operations
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import NEVER, Lesson
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.questions import Questions
from tests.workloads.depth_width.claim_worlds import judged

SMALL = Shape(layers=4, width=32, heads=2, tokens=96)


@pytest.fixture(scope="module")
def model() -> Backbone:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Backbone(SMALL)
    return made.eval().requires_grad_(False)


def shortcuts(bias: float) -> Shortcuts:
    """Return routers that are sure of themselves."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = Shortcuts(SMALL.width, SMALL.layers)
    for score in made.scores:
        torch.nn.init.constant_(score.bias, bias)
    return made


def lesson(per_step: int = 1) -> Lesson:
    return train_student.lesson(np.random.default_rng(5), per_step, 1.0, 16)


def test_routers_are_taught_criticality_in_every_layer_and_no_step_leaves(model: Backbone) -> None:
    targets: list[Tensor] = []
    cross, taught = F.binary_cross_entropy_with_logits, lesson()

    def spy(logits: Tensor, target: Tensor) -> Tensor:
        targets.append(target)
        return cross(logits, target)

    made = shortcuts(20.0)  # whoever could leave would
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latent_shortcuts.F, "binary_cross_entropy_with_logits", spy)
        train_soft_shortcuts.loss(model, made, taught)
    critical = torch.from_numpy(taught.posed.keys.critical[:, : taught.latent])
    assert len(targets) == taught.latent * (SMALL.layers - 1)
    for number, target in enumerate(targets):
        step = number // (SMALL.layers - 1)
        assert torch.equal(target, (~critical[:, step]).float())


def test_where_routers_want_all_layers_the_mixture_is_the_full_path(model: Backbone) -> None:
    taught, made = lesson(), shortcuts(-30.0)
    with torch.no_grad():
        state, past = train_student.opening(model, taught)
        wanted = full_path(model, state, past, taught.latent)
        state, past = train_student.opening(model, taught)
        walk = train_soft_shortcuts.SoftWalk(model, made, "soft", past, threshold=2.0)
        state, start = model.norm(state), torch.zeros(len(state), dtype=torch.long)
        for step in range(taught.latent):
            state, start, done, _ = walk.step(state, start, torch.full_like(start, -1))
            assert done.all()
            torch.testing.assert_close(state, wanted[:, step], atol=1e-4, rtol=0)


def test_stage_1_is_that_of_the_prepared_student_less_the_preparation(model: Backbone) -> None:
    """With a latent step for two operations nothing is prepared there either."""
    taught = lesson(per_step=2)
    unused = torch.nn.Linear(SMALL.width, 1)
    plan = torch.full((len(taught.tokens), taught.latent), NEVER)
    with torch.no_grad():
        ours = train_plain_student.loss(model, model, taught)
        theirs = train_student._loss(model, model, unused, taught, plan)
    torch.testing.assert_close(ours, theirs)


def test_a_step_that_was_handed_over_hands_on(model: Backbone) -> None:
    """All leave after the first layer they run: a chain goes up until no layer is left."""
    questions = lesson().posed.questions
    deepest = {kind: _deepest(model, questions, kind) for kind in ("soft", "both")}
    assert deepest == {"soft": SMALL.layers, "both": 2}


def _deepest(model: Backbone, questions: Questions, kind: str) -> int:
    """Return the highest layer that any latent step runs, from 1 on."""
    rule, steps = Shortened(model, shortcuts(30.0), kind).shortcut(0.5), operations(questions)
    found = solve(
        model, questions, lambda who: in_thought(model, steps[who], rule), room=9, tile=16
    )
    return 1 + max(layer for layer, _ in found.books[0].latent.runs)


def world(accuracy: float) -> dict[str, dict[str, float]]:
    """Return what methods measure where System-1.5 answers so many."""
    spoken, silent = {"tokens_language": 44.0}, {"tokens_language": 1.0}
    return {
        "system_1_5": {"accuracy": accuracy, "executions": 7.5, **silent},
        "cot": {"accuracy": 0.99, "executions": 21.7, **spoken},
        "no_cot": {"accuracy": 0.18, "executions": 6.0, **silent},
        "pause_tokens": {"accuracy": 0.18, "executions": 8.25, **silent},
        "latent_cot": {"accuracy": 0.98, "executions": 8.25, **silent},
        "random_shortcuts": {"accuracy": 0.48, "executions": 7.5, **silent},
        "shuffled_shortcuts": {"accuracy": 0.84, "executions": 7.6, **silent},
    }


def test_fewer_tokens_without_the_answers_are_not_the_papers_result() -> None:
    rows = judged("ledger_cot", world(0.99))
    assert rows["s15-3"].verdict == "reproduced"
    assert not rows["s15-3"].met_by
    rows = judged("ledger_cot", world(0.33))
    assert rows["s15-3"].verdict == "not reproduced"
    assert "s15-1" in rows["s15-3"].reason


def test_the_papers_name_is_that_of_its_own_rule() -> None:
    ours, papers = (
        registry.find(f"ledger_cot/{name}").card for name in ("prepared_shortcuts", "system_1_5")
    )
    assert (ours.slug, papers.slug) == ("", "system-1.5")
    assert not any(claim.published for claim in ours.claims)
