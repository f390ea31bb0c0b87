"""The search for units that suffice: nothing needed is lost, nothing is won by luck."""

import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch

from adabench.workloads.depth_width.ledger.methods.hindsight_units import (
    hindsight_units,
    unit_elimination,
)
from adabench.workloads.depth_width.ledger.methods.hindsight_units.unit_elimination import (
    Found,
    Look,
    eliminate,
    sibling,
)
from adabench.workloads.depth_width.ledger.task import Ledger, load
from adabench.workloads.depth_width.methods.informed_routing import informed_routing
from adabench.workloads.depth_width.substrate.stream import EQUAL, VALUE, Bools, Ints, draw
from adabench.workloads.depth_width.substrate.units.unit_forward import prefill_units
from adabench.workloads.depth_width.truth.scoring import wrong_targets

UNITS, SEQUENCES = 4, 3
Needs = Callable[[Bools], Bools]
"""Units to run -> which answers are computed, [n, T]."""


@pytest.fixture(scope="module")
def whole() -> Ints:
    return draw(np.random.default_rng(7), SEQUENCES).tokens


@pytest.fixture(scope="module")
def loaded() -> Ledger:
    made = load("embedded", 0, batches=1, sequences=8)
    assert isinstance(made, Ledger)
    return made


@pytest.fixture
def task(loaded: Ledger) -> Ledger:
    """The task as a run hands it out: what an earlier test has read is not counted here."""
    loaded.meter.clear()
    return loaded


def toy(tokens: Ints, needs: Needs, name: str, decoys: int = 1) -> Look:
    """A model that is right where what an answer needs runs, and else sure of some value."""
    inputs, targets = tokens[:, :-1], tokens[:, 1:]

    def guess(units: Bools, row: int, at: int) -> int:
        """What a broken chain says: it hangs on the units since the answer before."""
        since = 1 + max([-1, *np.flatnonzero(inputs[row, :at] == EQUAL)])
        return VALUE + zlib.crc32(name.encode() + units[:, row, since : at + 1].tobytes()) % 7

    def run(units: Bools) -> torch.Tensor:
        said, fine = targets.copy(), needs(units)
        for row, at in zip(*np.nonzero(inputs == EQUAL), strict=True):
            if not fine[row, at]:
                said[row, at] = guess(units, row, at)
        return 9.0 * torch.nn.functional.one_hot(torch.from_numpy(said), 64).float()

    return Look(run, targets, wrong_targets(targets, np.random.default_rng(decoys)))


def needed(tokens: Ints, share: float, seed: int = 0) -> Bools:
    """A random set of units that the answers of their segments hang on, [UNITS, n, T]."""
    chosen = np.random.default_rng(seed).random((UNITS, SEQUENCES, 64)) < share
    asked = tokens[:, :-1] == EQUAL
    behind = np.cumsum(asked[:, ::-1], axis=1)[:, ::-1] == 0
    return chosen & ~behind


def hangs_on(wanted: Bools, tokens: Ints) -> Needs:
    asked = tokens[:, :-1] == EQUAL
    segment = asked.cumsum(1) - asked

    def needs(units: Bools) -> Bools:
        missing = (wanted & ~units).any(axis=0)
        broken = np.zeros((SEQUENCES, 65), bool)
        np.logical_or.at(broken, (np.arange(SEQUENCES)[:, None], segment), missing)
        return ~np.take_along_axis(broken, segment, axis=1)

    return needs


def searched(whole: Ints, wanted: Bools, ranks: np.ndarray, looks: int) -> Found:
    needs = hangs_on(wanted, whole)
    some = [toy(whole, needs, name, seed) for seed, name in enumerate("abcde"[:looks])]
    return eliminate(some, whole[:, :-1], ranks.astype(np.float32))


def test_with_a_perfect_ranking_little_more_than_what_is_needed_is_left(whole: Ints) -> None:
    wanted = needed(whole, 0.2)
    found = searched(whole, wanted, wanted + 0.0, looks=5)
    assert (found.run >= wanted).all()
    assert found.run.sum() <= 1.35 * wanted.sum()


def test_with_a_useless_ranking_nothing_that_is_needed_is_lost(whole: Ints) -> None:
    wanted = needed(whole, 0.02)
    noise = np.random.default_rng(5).random(wanted.shape)
    found = searched(whole, wanted, noise, looks=5)
    lost = (wanted & ~found.run).any(axis=(0, 2)).sum()
    assert lost == 0
    assert found.run.sum() < 0.9 * found.run.size


def test_units_behind_the_last_answer_never_run(whole: Ints) -> None:
    wanted = needed(whole, 0.2)
    found = searched(whole, wanted, wanted + 0.0, looks=1)
    asked = whole[:, :-1] == EQUAL
    behind = np.cumsum(asked[:, ::-1], axis=1)[:, ::-1] == 0
    assert behind.any()
    assert not found.run[:, behind].any()


def test_a_search_that_looks_at_one_text_wins_by_luck_and_a_sibling_ends_that(whole: Ints) -> None:
    wanted = needed(whole, 0.3)
    noise = np.random.default_rng(5).random(wanted.shape)
    alone, both = (searched(whole, wanted, noise, looks) for looks in (1, 2))
    assert (wanted & ~alone.run).sum() > 5 * (wanted & ~both.run).sum()
    assert both.lucky < 0.5 * both.lucky_alone
    assert alone.lucky == alone.lucky_alone > 0.3 * alone.answers


def test_a_segment_that_breaks_anothers_answer_is_noticed(whole: Ints) -> None:
    asked = whole[:, :-1] == EQUAL
    first = asked.cumsum(1) - asked == 0
    wanted = np.zeros((UNITS, SEQUENCES, 64), bool)
    wanted[1, first] = True  # every answer hangs on the first segment's units

    def needs(units: Bools) -> Bools:
        whole_there = ~(wanted & ~units).any(axis=(0, 2))
        return np.broadcast_to(whole_there[:, None], (SEQUENCES, 64))

    looks = [toy(whole, needs, name) for name in "ab"]
    ranks = np.random.default_rng(2).random(wanted.shape).astype(np.float32)
    found = eliminate(looks, whole[:, :-1], ranks)
    assert (found.run >= wanted).all()


def test_what_the_whole_model_gets_wrong_is_given_up(whole: Ints) -> None:
    never: Needs = lambda units: np.zeros((SEQUENCES, 64), bool)
    look = toy(whole, never, "a")
    other = Look(look.run, wrong_targets(look.targets, np.random.default_rng(3)), look.decoys)
    found = eliminate([other], whole[:, :-1], np.ones((UNITS, SEQUENCES, 64), np.float32))
    assert found.run.mean() < 0.5
    assert found.answers < 0.4 * (whole[:, :-1] == EQUAL).sum()


def test_a_sibling_has_the_layout_and_other_values() -> None:
    corpus = draw(np.random.default_rng(3), 50)
    made = sibling(corpus.tokens, np.random.default_rng(4))
    kinds = corpus.labels.kind
    for name in ("filler", "equal", "bos"):
        same = corpus.labels.of(name)
        assert (made[:, :-1][same] == corpus.tokens[:, :-1][same]).all()
    operands = corpus.labels.of("operand")
    assert 0.5 < (made[:, :-1][operands] != corpus.tokens[:, :-1][operands]).mean() < 0.95
    for row, kind in zip(made, kinds, strict=True):
        value = int(row[1]) - VALUE
        for at in range(2, 64):
            if kind[at] == 2:
                token = int(row[at])
                value = (value + token - 10 if token < 17 else value * (token - 17)) % 7
            elif kind[at] == 3:
                assert row[at + 1] - VALUE == value


def test_the_oracle_keeps_the_whole_models_answers_on_few_units(task: Ledger) -> None:
    point = {"sparsity": 0.75, "shift": 0.0}
    chosen = hindsight_units.prepare(task, {}, 0)
    (batch,) = task.cases()
    whole = task.score(batch, task.reader("vanilla-6").read(batch))
    ours = task.score(batch, hindsight_units.solve(chosen, batch, {}))
    theirs = task.score(
        batch, informed_routing.solve(informed_routing.prepare(task, point, 0), batch, point)
    )
    assert ours["accuracy"] >= whole["accuracy"]
    assert ours["executions"] < theirs["executions"]
    assert ours["depth_k4"] > ours["depth_k1"], "a chain of four needs more than one map"


def test_chance_would_win_the_oracle_next_to_nothing(task: Ledger) -> None:
    (batch,) = task.cases()
    found = hindsight_units.search(task, task.unit_reader(hindsight_units.BASE), batch)
    assert found.answers > 50
    assert found.lucky <= 0.05 * found.answers
    assert found.lucky_alone > found.lucky, "without the sibling chance would do more"


def test_what_is_measured_is_the_set_that_was_found(task: Ledger) -> None:
    reader = task.unit_reader(hindsight_units.BASE)
    (batch,) = task.cases()
    run = np.random.default_rng(0).random((12, 8, 64)) < 0.3
    rule = hindsight_units.only(reader.fitted.parts, run, "prefill")
    answer = reader.read(batch, rule)
    assert torch.equal(answer.executions(), 0.5 * torch.from_numpy(run.sum(0)).float())
    again = reader.read(batch, rule)  # the rule starts anew with every reading
    assert torch.equal(answer.logits, again.logits)
    stepped = hindsight_units.only(reader.fitted.parts, run, "decode16")
    slow = hindsight_units.replace(reader, mode="decode16").read(batch, stepped)
    torch.testing.assert_close(slow.logits, answer.logits, atol=1e-4, rtol=0)


def test_with_every_unit_it_is_the_whole_model(task: Ledger) -> None:
    reader = task.unit_reader(hindsight_units.BASE)
    (batch,) = task.cases()
    every = np.ones((12, 8, 64), bool)
    answer = reader.read(batch, hindsight_units.only(reader.fitted.parts, every, "prefill"))
    tokens = torch.from_numpy(batch.tokens)
    whole = prefill_units(
        reader.fitted.model, tokens, lambda unit, rows, work: hindsight_units.Choice(), tile=16
    )
    assert torch.equal(answer.logits, whole.logits)
    assert unit_elimination.SURE < 1
