"""Figures of cards that are read off words: what brings an episode nearer to an answer."""

import pytest

from adabench.workloads.agents.lookup.training import gate_figures
from adabench.workloads.agents.lookup.training.gate_figures import Episode, step_chance
from adabench.workloads.agents.substrate import action_words as words

GOOD = "H1 K1 A1 B1 r1 = A2 B2 ;"
FAILED = ("none", "err", "late", "down")


def chance(monkeypatch, *texts):
    """Return the figure where these episodes are what is written."""
    episodes = [Episode(None, words.encode(f"act {text}"), 0.0) for text in texts]
    monkeypatch.setattr(gate_figures, "play", lambda *_: iter(episodes))
    return step_chance(None, len(episodes))


def test_what_is_found_and_any_answer_bring_nearer(monkeypatch):
    assert chance(monkeypatch, f"{GOOD} ans A2 B2 ;") == 1
    assert (
        chance(monkeypatch, f"{GOOD} w1 H2 K1 w1 A2 B2 r1 = w1 A3 B3 w2 A4 B4 ; ans w1 A3 B3 ;")
        == 1
    )


@pytest.mark.parametrize("fault", FAILED)
def test_calls_that_fail_or_find_nothing_do_not(monkeypatch, fault):
    assert chance(monkeypatch, f"H1 K1 A1 B1 r1 = {fault} ; {GOOD} ans A2 B2 ;") == 0.5


def test_the_worst_hop_counts_and_giving_up_is_no_answer(monkeypatch):
    half = (f"{GOOD} ans A2 B2 ;", f"{GOOD} ans fail ;")
    assert chance(monkeypatch, *half) == 0.5
