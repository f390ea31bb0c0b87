"""Latent steps: what is skipped does not run, caches are ragged, and no label leaks."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from adabench.workloads.depth_width.ledger_cot.methods.system_1_5 import train_shortcuts
from adabench.workloads.depth_width.ledger_cot.methods.system_1_5.train_shortcuts import Walk
from adabench.workloads.depth_width.ledger_cot.substrate import (
    latent_forward,
    traces,
    train_student,
)
from adabench.workloads.depth_width.ledger_cot.substrate import shortcuts as latent_shortcuts
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Shortcut, Solution
from adabench.workloads.depth_width.ledger_cot.substrate.masked_forward import block, nothing, walk
from adabench.workloads.depth_width.ledger_cot.substrate.shortcuts import Shortcuts, Shortened
from adabench.workloads.depth_width.ledger_cot.substrate.solver import LANGUAGE_LIMIT, operations
from adabench.workloads.depth_width.ledger_cot.substrate.traces import ANSWER, Reckoned
from adabench.workloads.depth_width.ledger_cot.substrate.train_student import (
    HANDED_DEPTH,
    NEVER,
    Lesson,
    handed_over,
)
from adabench.workloads.depth_width.substrate.backbone import Backbone, Shape
from adabench.workloads.depth_width.substrate.work_counter import Work
from tests.workloads.depth_width.forward_promises import untrained

SMALL = Shape(layers=4, width=32, heads=2, tokens=96)
N = 9
KINDS = ("both", "depth", "step")


@pytest.fixture(scope="module")
def model() -> Backbone:
    return untrained(SMALL)


@pytest.fixture(scope="module")
def shortcuts() -> Shortcuts:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = Shortcuts(SMALL.width, SMALL.layers)
        for up, judge, score in zip(made.ups, made.judges, made.scores, strict=True):
            torch.nn.init.normal_(up.weight, std=0.3)
            judge.weight.data *= 6
            score.weight.data *= 6
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def posed() -> Reckoned:
    return traces.pose(np.random.default_rng(3), N)


def thought(
    model: Backbone, posed: Reckoned, short: Shortened | None, threshold: float, tile: int = N
) -> Solution:
    """Answer after latent steps."""
    steps = operations(posed.questions)
    rule = None if short is None else short.shortcut(threshold)
    return latent_forward.solve(
        model,
        posed.questions,
        lambda who: latent_forward.in_thought(model, steps[who], rule),
        room=traces.MOST + 1,
        tile=tile,
    )


def middle(model: Backbone, posed: Reckoned, short: Shortened) -> float:
    """A threshold at which some steps leave and others do not."""
    for threshold in np.linspace(0.1, 0.9, 9):
        exits = thought(model, posed, short, float(threshold)).exits
        if len(exits[exits >= 0].unique()) > 2:
            return float(threshold)
    raise AssertionError("no threshold divides the steps")


def test_values_follow_from_the_operations() -> None:
    posed = traces.pose(np.random.default_rng(0), 200)
    keys, tokens = posed.keys, posed.questions.tokens
    for row in range(200):
        asked = tokens[row, : posed.questions.lengths[row]]
        value, seen = int(asked[1]) - 3, []
        for place, token in enumerate(asked[3:-1:2]):
            assert asked[2 + 2 * place] == 24 + 3 * place
            before = value
            if token != traces.SAME:
                value = int(value + token - 10 if token < 17 else value * (token - 17)) % 7
            assert keys.critical[row, place] == (token not in (10, 18, traces.SAME))
            assert keys.critical[row, place] or value == before
            seen.append(value)
        assert asked[-1] == traces.SEP
        assert 4 <= len(seen) == keys.steps[row] <= 8
        assert keys.running[row, : len(seen)].tolist() == seen
        assert keys.answers[row] == 3 + seen[-1]
    share = keys.critical.sum() / keys.steps.sum()
    assert share == pytest.approx(0.6, abs=0.05)


def test_the_trace_is_the_published_grammar() -> None:
    posed = traces.pose(np.random.default_rng(1), 20)
    verbose, last = traces.written(posed, traces.trace(posed.keys, verbose=True))
    terse, short = traces.written(posed, traces.trace(posed.keys, verbose=False))
    for row in range(20):
        n, start = posed.keys.steps[row], posed.questions.lengths[row]
        assert last[row] == start + 7 * n + 1
        assert short[row] == start + n + 1
        stated = int(posed.questions.tokens[row, 1])
        for step in range(n):
            words = verbose[row, start + 7 * step : start + 7 * (step + 1)]
            number = 24 + 3 * step
            after = 3 + posed.keys.running[row, step]
            operation = posed.questions.tokens[row, 3 + 2 * step]
            assert words.tolist() == [operation, number, number + 1, number + 2, stated, 2, after]
            assert terse[row, start + step] == after
            stated = int(after)
        for tokens, end in ((verbose, last), (terse, short)):
            assert tokens[row, end[row] - 1 : end[row] + 1].tolist() == [ANSWER, stated]


def test_siblings_have_the_same_operations_and_other_answers() -> None:
    posed = traces.pose(np.random.default_rng(1), 50)
    other = traces.sibling(np.random.default_rng(2), posed.keys)
    assert (other.questions.tokens[:, 2:] == posed.questions.tokens[:, 2:]).all()
    assert (other.keys.answers != posed.keys.answers).all()


def taught_by(posed_seed: int, n: int = 16) -> Lesson:
    return train_student.lesson(np.random.default_rng(posed_seed), 1, 1.0, n)


def walked(model: Backbone, short: Shortened, taught: Lesson, threshold: float) -> Tensor:
    """Final state at `<answer>` from the masked walk of training, choices hard."""
    ends, past = train_student.opening(model, taught)
    past.ragged = True
    walk = Walk(model, short.shortcuts, short.kind, past, threshold, soft=False)
    state, start = model.norm(ends), torch.zeros(len(ends), dtype=torch.long)
    for _ in range(taught.latent):
        state, start, _, _ = walk.step(state, start, torch.full_like(start, -1))
    marks = torch.full((len(ends), 1), ANSWER)
    return block(model, model.embed(marks), past)[:, 0]


@pytest.mark.parametrize("kind", [*KINDS, "soft"])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9])
def test_gathered_is_masked(
    model: Backbone, shortcuts: Shortcuts, kind: str, threshold: float
) -> None:
    short, taught = Shortened(model, shortcuts, kind), taught_by(5)
    posed = taught.posed
    lengths = torch.from_numpy(posed.questions.lengths)
    tokens = torch.from_numpy(posed.questions.tokens)[:, : int(lengths.max())]
    with torch.inference_mode():
        ends, memory = latent_forward.read(model, tokens, lengths, 9, Work())
        steps = operations(posed.questions)
        latent_forward.think(model, ends, memory, steps, Work(), short.shortcut(threshold))
        state = model.embed(torch.full((len(lengths),), ANSWER))
        for index in range(SMALL.layers):
            everyone = torch.arange(len(lengths))
            state = latent_forward.advance(model, index, state, everyone, memory, Work())
        torch.testing.assert_close(
            state, walked(model, short, taught, threshold), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize("kind", [*KINDS, "soft"])
def test_a_threshold_of_one_is_the_full_path(
    model: Backbone, shortcuts: Shortcuts, posed: Reckoned, kind: str
) -> None:
    full = thought(model, posed, None, 1.0)
    ours = thought(model, posed, Shortened(model, shortcuts, kind), 1.0)
    assert torch.equal(full.said, ours.said)
    assert torch.equal(full.exits, ours.exits)
    steps = operations(posed.questions)
    assert torch.equal(full.executions("latent"), SMALL.layers * steps)
    assert torch.equal(full.executions("language"), torch.full((N,), SMALL.layers))
    lengths = torch.from_numpy(posed.questions.lengths)
    assert torch.equal(full.executions("question"), SMALL.layers * lengths)


@pytest.mark.parametrize("kind", [*KINDS, "soft"])
def test_a_batch_of_different_depths_is_each_alone(
    model: Backbone, shortcuts: Shortcuts, posed: Reckoned, kind: str
) -> None:
    short = Shortened(model, shortcuts, kind)
    threshold = middle(model, posed, short)
    together, alone = (thought(model, posed, short, threshold, tile) for tile in (N, 1))
    assert torch.equal(together.said, alone.said)
    assert torch.equal(together.exits, alone.exits)
    for phase in ("question", "latent", "language"):
        assert torch.equal(together.executions(phase), alone.executions(phase))


def test_executions_are_what_hooks_see(
    model: Backbone, shortcuts: Shortcuts, posed: Reckoned
) -> None:
    made, seen = copy.deepcopy(model), []
    for layer in made.layers:
        layer.down.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[:-1]))
    short = Shortened(made, shortcuts, "both")
    threshold = middle(made, posed, short)
    seen.clear()
    found = thought(made, posed, short, threshold)
    rows = sum(shape.numel() for shape in seen if len(shape) == 1)
    ran = int((found.executions("latent") + found.executions("language")).sum())
    assert rows == ran
    assert int(found.exits.clamp(min=0).sum()) == int(found.executions("latent").sum())
    assert ran < SMALL.layers * int(found.steps.sum() + N)
    whole = [shape for shape in seen if len(shape) == 2]
    assert len(whole) == SMALL.layers, "questions are read once, with all layers"


def test_skipped_layers_store_nothing(
    model: Backbone, shortcuts: Shortcuts, posed: Reckoned
) -> None:
    short = Shortened(model, shortcuts, "both")
    threshold = middle(model, posed, short)
    lengths = torch.from_numpy(posed.questions.lengths)
    tokens = torch.from_numpy(posed.questions.tokens)
    steps = operations(posed.questions)
    with torch.inference_mode():
        ends, memory = latent_forward.read(model, tokens, lengths, 9, Work())
        work = Work()
        ran = latent_forward.think(model, ends, memory, steps, work, short.shortcut(threshold))
    stored = torch.stack([cache.counts - lengths for cache in memory.layers], 1)
    assert torch.equal(stored.sum(1), ran.clamp(min=0).sum(1))
    assert (stored.min(1).values < stored.max(1).values).any(), "caches are ragged"
    assert torch.equal(memory.places, lengths + steps), "a step keeps its place, whoever skips it"
    found = thought(model, posed, short, threshold)
    kept = sum(book.language.kv_entries for book in found.books)
    assert kept == SMALL.layers * (int(lengths.sum()) + N) + int(ran.clamp(min=0).sum())


def test_a_layer_that_nobody_runs_is_not_called(
    model: Backbone, shortcuts: Shortcuts, posed: Reckoned
) -> None:
    made, calls = copy.deepcopy(model), [0] * SMALL.layers
    for index, layer in enumerate(made.layers):
        layer.register_forward_hook(
            lambda *_, index=index: calls.__setitem__(index, calls[index] + 1)
        )
    steps = operations(posed.questions)
    found = thought(made, posed, Shortened(made, shortcuts, "step"), 0.0)
    assert int(found.steps.max()) == 8
    assert calls == [4, 4, 4, 4], "the question, the answer, two passes shared by eight steps"
    assert torch.equal(found.executions("latent"), steps), "a layer a step"
    calls[:] = [0] * SMALL.layers
    found = thought(made, posed, Shortened(made, shortcuts, "both"), 0.0)
    assert calls == [6, 6, 2, 2], "handed over once: every other step starts at layer 1"
    assert torch.equal(found.executions("latent"), steps), "a layer a step"
    calls[:] = [0] * SMALL.layers
    most = int(operations(posed.questions).max())
    thought(made, posed, Shortened(made, shortcuts, "depth"), 0.0)
    assert calls == [2 + most, 2, 2, 2], "without handing over, every step starts at layer 1"


def test_operations_are_what_torch_counts(
    model: Backbone, shortcuts: Shortcuts, posed: Reckoned
) -> None:
    short = Shortened(model, shortcuts, "both")
    threshold = middle(model, posed, short)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        found = thought(model, posed, short, threshold)
    counted = sum(
        work.flops for book in found.books for work in (book.question, book.latent, book.language)
    )
    assert counted == counter.get_total_flops()


def test_speaking_is_one_forward_over_what_was_said(model: Backbone, posed: Reckoned) -> None:
    words = latent_forward.in_words(model, LANGUAGE_LIMIT)
    heard: list[tuple[Tensor, Tensor]] = []
    plain = latent_forward.say

    def listening(made: Backbone, tokens: Tensor, who: Tensor, *rest: object) -> Tensor:
        after = plain(made, tokens, who, *rest)  # type: ignore[arg-type]
        heard.append((tokens, after))
        return after

    latent_forward.say = listening
    try:
        one = Reckoned(posed.questions, posed.keys)
        solution = latent_forward.solve(
            model, one.questions, lambda who: words, room=LANGUAGE_LIMIT + 1, tile=1
        )
    finally:
        latent_forward.say = plain
    spoken = int(solution.spoken[0])
    first = heard[:spoken] if solution.said[0] == 0 else heard[: spoken - 1]
    said = torch.cat([token for token, _ in first])
    asked = torch.from_numpy(posed.questions.tokens[0, : posed.questions.lengths[0]])
    tokens = torch.cat((asked, said))[None]
    states = block(model, model.embed(tokens), nothing(model))
    greedy = model.head(model.norm(states))[0].argmax(-1)
    assert torch.equal(greedy[len(asked) - 1 : -1], said)
    assert torch.equal(greedy[len(asked) :], torch.cat([after for _, after in first]))


def test_a_later_token_changes_nothing_before_it(model: Backbone, posed: Reckoned) -> None:
    tokens = torch.from_numpy(posed.questions.tokens)
    changed = tokens.clone()
    changed[:, 8] = 40
    before, after = (block(model, model.embed(t), nothing(model)) for t in (tokens, changed))
    torch.testing.assert_close(before[:, :8], after[:, :8], atol=1e-6, rtol=0)
    assert not torch.allclose(before[:, 8:], after[:, 8:])


def test_padding_is_not_read(model: Backbone, shortcuts: Shortcuts, posed: Reckoned) -> None:
    short = Shortened(model, shortcuts, "both")
    threshold = middle(model, posed, short)
    tokens = posed.questions.tokens.copy()
    tokens[np.arange(tokens.shape[1]) >= posed.questions.lengths[:, None]] = 40
    other = dataclasses.replace(
        posed, questions=dataclasses.replace(posed.questions, tokens=tokens)
    )
    before, after = (thought(model, each, short, threshold) for each in (posed, other))
    assert torch.equal(before.said, after.said)
    assert torch.equal(before.exits, after.exits)


def test_routers_are_shown_a_state_and_nothing_else(
    model: Backbone, shortcuts: Shortcuts, posed: Reckoned
) -> None:
    rule = latent_shortcuts.leave(shortcuts, 0.5, "both")
    rows = torch.randn(5, SMALL.width)
    first, _ = rule(2, 0, rows, torch.arange(5), Work())  # type: ignore[misc]
    other, _ = rule(2, 7, rows, torch.arange(5).flip(0), Work())  # type: ignore[misc]
    assert torch.equal(first, other), "neither the step's number nor the question decides"


def test_shuffled_labels_are_as_many_and_not_the_same() -> None:
    taught, generator = taught_by(7, 64), np.random.default_rng(0)
    true = train_shortcuts.labels(taught, "both", generator)
    dealt = train_shortcuts.labels(taught, "shuffled", generator)
    assert (true.sum(1) == dealt.sum(1)).all()
    assert (true != dealt).any()


def test_the_student_stays_frozen_and_shortcuts_learn(model: Backbone) -> None:
    before = {k: v.clone() for k, v in model.state_dict().items()}
    made = train_shortcuts.train(model, "both", 0, 2)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(up.weight.abs().sum() > 0 for up in made.ups)


def test_a_handed_walk_of_training_is_what_inference_runs(model: Backbone) -> None:
    """Stage 1 hands states over as the step shortcut does: same layers, same keys, same places."""
    taught = taught_by(5)
    critical = taught.posed.keys.critical[:, : taught.latent]
    plan = handed_over(critical, np.arange(len(critical)) % 2 == 0)
    assert bool((plan < NEVER).any())

    def leave(
        depth: int, step: int, rows: Tensor, who: Tensor, work: Work
    ) -> tuple[Tensor, Tensor]:
        leaves = plan[who, step] == depth
        return leaves, rows[leaves]

    with torch.inference_mode():
        ends, past = train_student.opening(model, taught)
        past.ragged = True
        walked = walk(model, ends, past, plan, HANDED_DEPTH)
        mark = model.embed(torch.full((len(ends), 1), ANSWER))
        ours = block(model, mark, past)[:, 0]
        tokens = taught.tokens[:, : taught.length]
        lengths = torch.full((len(tokens),), taught.length)
        ends, memory = latent_forward.read(model, tokens, lengths, 9, Work())
        steps = torch.full_like(lengths, taught.latent)
        ran = latent_forward.think(model, ends, memory, steps, Work(), Shortcut(leave, "always"))
        state = mark[:, 0]
        for index in range(SMALL.layers):
            everyone = torch.arange(len(lengths))
            state = latent_forward.advance(model, index, state, everyone, memory, Work())
    torch.testing.assert_close(ours, state, atol=1e-5, rtol=0)
    assert torch.equal(ran == HANDED_DEPTH, ~walked.done | ~walked.fresh)
    assert bool((ran[walked.fresh & walked.done] == SMALL.layers).all())


def test_only_trivial_steps_are_handed_over_and_never_two_in_a_row() -> None:
    critical = np.random.default_rng(0).random((50, 8)) < 0.6
    whose = np.arange(50) < 25
    gone = handed_over(critical, whose).numpy() == HANDED_DEPTH
    assert not (gone & critical).any()
    assert not gone[25:].any()
    assert not (gone[:, 1:] & gone[:, :-1]).any()
    assert (gone[:25, 0] == ~critical[:25, 0]).all()


def test_routers_learn_to_hand_over_where_the_student_was_prepared_for_it(model: Backbone) -> None:
    """All steps trivial: a fresh one is taught to leave after layer 2, and nowhere else.

    One that was handed over may leave once it has run a layer, if it hands nothing on.
    """
    wanted: list[tuple[str, Tensor, Tensor]] = []
    taught = taught_by(5)
    n, steps = len(taught.tokens), taught.latent
    cross = F.binary_cross_entropy_with_logits
    for kind in KINDS:

        def spy(logits: Tensor, target: Tensor, kind: str = kind) -> Tensor:
            wanted.append((kind, logits, target))
            return cross(logits, target)

        made = Shortcuts(SMALL.width, SMALL.layers)
        for score in made.scores:
            torch.nn.init.constant_(score.bias, -20.0)  # whoever is not made to leave runs on
        with torch.no_grad():
            ends, past = train_student.opening(model, taught)
            full = train_shortcuts.full_path(model, ends, past, steps)
            ends, past = train_student.opening(model, taught)
        past.ragged = True
        plan = torch.full((n, steps, 2), -1)
        plan[:, 0] = HANDED_DEPTH
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(latent_shortcuts.F, "binary_cross_entropy_with_logits", spy)
            trivial = torch.zeros(n, steps, dtype=torch.bool)
            Walk(model, made, kind, past).loss(ends, plan, trivial, full, taught)
    targets = {
        kind: [float(target.mean()) for name, _, target in wanted if name == kind] for kind in KINDS
    }
    # Without handing over every step starts afresh.
    assert targets["depth"][:4] == [0.0, 1.0, 0.0, 1.0]
    # Step 1 is asked after layers 1 and 2, and leaves; step 2, handed over, after layer 3.
    assert targets["both"][:3] == [0.0, 1.0, 1.0]
    assert targets["step"][:3] == [0.0, 1.0, 0.0]


def test_a_step_that_was_handed_over_hands_on_unless_once(model: Backbone) -> None:
    """All leave after the first layer they run: a chain goes up, or starts again after two."""

    def leave(
        depth: int, step: int, rows: Tensor, who: Tensor, work: Work
    ) -> tuple[Tensor, Tensor]:
        return torch.ones(len(rows), dtype=torch.bool), rows.clone()

    taught = taught_by(5)
    lengths = torch.full((len(taught.tokens),), taught.length)
    starts = {
        "never": [0, 0, 0, 0, 0],
        "once": [0, 1, 0, 1, 0],
        "always": [0, 1, 2, 3, 0],
    }
    for hand_over, wanted in starts.items():
        tokens = taught.tokens[:, : taught.length]
        with torch.inference_mode():
            ends, memory = latent_forward.read(model, tokens, lengths, 9, Work())
            work, rule = Work(), Shortcut(leave, hand_over)  # type: ignore[arg-type]
            latent_forward.think(model, ends, memory, torch.full_like(lengths, 5), work, rule)
        assert [layer for layer, _ in work.runs] == wanted


def test_plans_of_training_say_where_a_step_may_leave() -> None:
    critical = np.random.default_rng(0).random((200, 8)) < 0.6
    for kind, later in (("both", {-1, 3, 4}), ("depth", {-1}), ("step", {-1})):
        plan = train_shortcuts.planned(critical, kind, np.random.default_rng(1)).numpy()
        assert (plan[critical] == -1).all(), "a critical step leaves only as its router says"
        assert set(plan[~critical][:, 0].tolist()) == {-1, HANDED_DEPTH}
        assert set(plan[~critical][:, 1].tolist()) == later


def test_one_latent_step_replaces_one_more_step_of_the_trace() -> None:
    generator = np.random.default_rng(0)
    for share in (0.0, 0.4, 1.0):
        taught = train_student.lesson(generator, 1, share, 4)
        n = int(taught.posed.keys.steps[0])
        assert taught.latent == min(n, 1 + int(share * n))
        left = taught.tokens.shape[1] - taught.end(taught.latent)
        assert left == 7 * (n - taught.latent) + 2
    half = train_student.lesson(generator, 2, 1.0, 4)
    n = int(half.posed.keys.steps[0])
    assert half.latent == (n + 1) // 2
    assert half.end(half.latent) == half.tokens.shape[1] - 2
