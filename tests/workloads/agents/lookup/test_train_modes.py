"""Rewards by mode: what is worth what, and which word is reinforced."""

import pytest
import torch

from adabench.workloads.agents.lookup.training import train_modes
from adabench.workloads.agents.lookup.training.train_modes import (
    FORCED,
    FORCED_MODES,
    FREE,
    Episode,
    loss,
    padded,
)
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.truth.problems import draw_problem
from adabench.workloads.shared.language_model.contract import Seq

from .scripted_policy import random_model

PROBLEM = draw_problem("arith", 1, 3, "train")
FREE_MODES = ("dir", "cot", "dir", "act")


def sequences(right_at_once, free_right=(True, True, False, True)):
    """Return the episodes of one question: forced ones, then free ones."""
    forced = [
        (words.decode([mode]), k < right_at_once) for mode in FORCED_MODES for k in range(FORCED)
    ]
    forced = [(m, ok if m == "dir" else True) for m, ok in forced]
    good = words.decode(PROBLEM.answer)
    bad = "7" if good != "7" else "8"
    return [
        Seq(
            [*PROBLEM.prompt, *words.encode(f"{mode} ans {good if ok else bad} ;")],
            len(PROBLEM.prompt),
            0,
        )
        for mode, ok in [*forced, *zip(FREE_MODES, free_right, strict=True)]
    ]


def worths(right_at_once, *, is_adaptive):
    """Return advantages in the order of worth: of a right free answer at once, and of right dear ones."""
    found = train_modes._valued(PROBLEM, sequences(right_at_once), is_adaptive=is_adaptive)
    free = [one.advantage for one in found[FORCED * len(FORCED_MODES) :]]
    assert len(free) == FREE
    return free


def test_where_an_answer_at_once_does_a_dear_mode_earns_nothing():
    at_once, chain, wrong, tools = worths(2, is_adaptive=True)
    assert at_once > 0 > chain == tools == wrong


def test_where_it_never_does_a_dear_mode_earns_all():
    at_once, chain, wrong, tools = worths(0, is_adaptive=True)
    assert at_once == chain == tools > wrong


def test_half_a_chance_takes_a_quarter_off():
    at_once, chain, wrong, _ = worths(1, is_adaptive=True)
    assert (chain - wrong) / (at_once - wrong) == pytest.approx(0.75)


def test_without_the_term_every_mode_earns_the_same():
    at_once, chain, wrong, tools = worths(2, is_adaptive=False)
    assert at_once == chain == tools > wrong


def test_the_chosen_mode_alone_is_reinforced():
    text = words.encode("act H1 C1 7 + 4 = 1 ; ans 1 ;")
    for first, places in ((0, [len(PROBLEM.prompt) - 1]), (1, [])):
        advantages = padded([Episode(PROBLEM.prompt, text, first, 0.5)])[2]
        assert advantages[0].nonzero().flatten().tolist() == places


def test_forced_modes_and_results_of_tools_are_nobodys_own():
    text = words.encode("act H1 C1 7 + 4 = 1 ; ans 1 ;")
    prompt = PROBLEM.prompt
    (own,) = padded([Episode(prompt, text, 1, 1.0)])[3]
    kept = [text[i] for i in range(len(text)) if own[len(prompt) - 1 + i]]
    assert words.decode(kept) == "H1 C1 7 + 4 = ans 1 ;"
    (own,) = padded([Episode(prompt, text, 0, 1.0)])[3]
    assert own.sum() == len(kept) + 1  # a mode that it chose is its own


def test_modes_of_better_episodes_become_likelier():
    model, before = random_model(), random_model()
    model.requires_grad_(True)
    good, bad = words.encode("dir ans 3 ;"), words.encode("cot ans 4 ;")
    batch = [Episode(PROBLEM.prompt, good, 0, 1.0), Episode(PROBLEM.prompt, bad, 0, -1.0)]
    optimiser = torch.optim.SGD(model.parameters(), lr=0.02)
    ids, targets, _, own = padded(batch)

    def gap():
        with torch.no_grad():
            chances = train_modes._chances(model, ids, targets, own)
        return float(chances[0] - chances[4])  # of the modes; other words are in both

    first = gap()
    for _ in range(3):
        optimiser.zero_grad()
        torch.autograd.backward(loss(model, before, batch))
        optimiser.step()
    assert gap() > first


def test_nothing_is_learned_where_all_episodes_are_worth_the_same():
    same = [seq for seq in sequences(2)[:FORCED] for _ in range(5)]
    assert train_modes._valued(PROBLEM, same, is_adaptive=False) == []
