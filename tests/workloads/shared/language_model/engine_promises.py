"""What each engine that runs a model itself promises. Its class names the model and how the engine is made."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pytest
import torch

from adabench.workloads.shared.language_model.contract import STEP, BudgetSpent
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.vocabulary import EOS, encode

PROMPT = encode("<bos> 4 7 + 3 8 * 1 2 >")
OTHER = encode("<bos> 1 1 - 9 >")
SHAPE = Shape(layers=2, width=32, heads=4, hidden=48, context=96)


def random_model(shape: Shape = SHAPE, seed: int = 0) -> LanguageModel:
    """Random weights with logits that differ: an untrained model is nearly uniform."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = LanguageModel(shape)
        with torch.no_grad():
            made.embedding.weight *= 20
    return made.eval().requires_grad_(False)


class EnginePromises(ABC):
    """Words that share a beginning share what is stored, states and scores are those of the whole text."""

    @pytest.fixture
    def model(self) -> LanguageModel:
        return random_model()

    @abstractmethod
    def engine(self, model: LanguageModel, budget: int | None = None) -> Any:
        """Return the engine that runs a model."""

    def test_states_and_scores_are_those_of_the_whole_text_at_once(
        self, model: LanguageModel
    ) -> None:
        one = self.engine(model)
        leaves = one.fork(one.open(PROMPT, 1), 3)
        one.decode(leaves, stop=frozenset({EOS}), max_new=6)
        for leaf in leaves:
            stored = len(leaf.ids) - leaf.finished
            whole = model.states(torch.tensor([leaf.ids[:stored]]))[0].numpy()
            np.testing.assert_allclose(one.hidden(leaf, 0), whole, atol=1e-4)
            np.testing.assert_allclose(one.hidden(leaf, 2), whole[2:], atol=1e-4)
        roots, parts = (
            [one.open(OTHER, 2), one.open(PROMPT, 3)],
            [encode("4 7 + 3"), (*encode("9"), EOS)],
        )
        before = one.held(), [list(root.ids) for root in roots]
        for root, part, scores in zip(roots, parts, one.score(roots, parts), strict=True):
            logs = model(torch.tensor([[*root.ids, *part]]))[0].double().log_softmax(-1)
            wanted = [float(logs[len(root.ids) - 1 + i, word]) for i, word in enumerate(part)]
            np.testing.assert_allclose(scores, wanted, atol=1e-4)
        assert (one.held(), [root.ids for root in roots]) == before

    def test_log_probabilities_are_those_of_the_text_that_was_drawn(
        self, model: LanguageModel
    ) -> None:
        one = self.engine(model)
        leaves = one.fork(one.open(PROMPT, 1), 8)
        chunks = one.decode(leaves, stop=frozenset(), max_new=12)
        assert len({leaf.completion for leaf in leaves}) > 1
        for leaf, chunk in zip(leaves, chunks, strict=True):
            logs = model(torch.tensor([leaf.ids]))[0].double().log_softmax(-1)
            told = [float(logs[len(PROMPT) - 1 + i, word]) for i, word in enumerate(chunk.ids)]
            np.testing.assert_allclose(chunk.logprobs, told, atol=1e-4)
            assert leaf.logprob == pytest.approx(sum(told), abs=1e-3)

    def test_stop_words_end_a_chunk_and_are_run(self, model: LanguageModel) -> None:
        one = self.engine(model)
        leaves = one.fork(one.open(PROMPT, 5), 32)
        stop = STEP | frozenset(range(3, 60))
        chunks = one.decode(leaves, stop=stop, max_new=20)
        assert {chunk.finish for chunk in chunks} >= {"stop"}
        for leaf, chunk in zip(leaves, chunks, strict=True):
            assert chunk.ids == leaf.completion
            assert not stop & set(chunk.ids[:-1])
            assert chunk.finish == ("stop" if chunk.ids[-1] in stop else "length")
            assert len(one.hidden(leaf, 0)) == len(leaf.ids) - leaf.finished
        assert any(3 <= leaf.ids[-1] < 60 for leaf in leaves)

    def test_the_budget_stops_in_flight(self, model: LanguageModel) -> None:
        one = self.engine(model, budget=10)
        leaves = one.fork(one.open(PROMPT, 3), 4)
        with pytest.raises(BudgetSpent):
            one.decode(leaves, stop=frozenset(), max_new=50)
        drawn = sum(len(leaf.completion) for leaf in leaves)
        assert drawn == one.costs.meter["generated"] <= 10
        assert 10 - drawn < sum(not leaf.finished for leaf in leaves)
        for leaf in leaves:
            assert len(one.hidden(leaf, 0)) == len(leaf.ids) - leaf.finished

    def test_what_cannot_be_is_refused_and_changes_nothing(self, model: LanguageModel) -> None:
        one = self.engine(model)
        root = one.open(PROMPT, 1)
        before = one.held()
        for call, says in (
            (lambda: one.open([5] * 97), "context of 96"),
            (lambda: one.append([root], [[5] * 96]), "context of 96"),
            (lambda: one.decode([root], max_new=1, top_p=0.0), "top_p"),
            (lambda: one.decode([root], max_new=1, temperature=-1), "temperature"),
        ):
            with pytest.raises(ValueError, match=says):
                call()
        assert one.held() == before
        one.append([root], [(EOS,)])
        assert root.finished
        for call in (lambda: one.decode([root], max_new=1), lambda: one.append([root], [[4]])):
            with pytest.raises(ValueError, match="ended"):
                call()
        one.close(root)
        one.close(root)
        with pytest.raises(ValueError, match=r"closed|ended"):
            one.decode([root], max_new=1)
        assert one.held().tokens == 0

    def test_no_sequences_and_no_words_are_fine(self, model: LanguageModel) -> None:
        one = self.engine(model)
        assert one.decode([], max_new=5) == []
        root = one.open(PROMPT)
        assert one.decode([root], max_new=0)[0].finish == "length"
        one.append([root], [[]])
        assert one.held().tokens == len(PROMPT)
        assert one.score([root], [[]]) == [[]]


class WordByWordPromises(EnginePromises):
    """An engine that stores words one by one; the native one stores blocks (`test_kv_blocks.py`)."""

    def test_forks_store_nothing_and_closing_frees(self, model: LanguageModel) -> None:
        one = self.engine(model)
        root = one.open(PROMPT, 1)
        alone = one.held()
        assert alone.tokens == len(PROMPT)
        leaves = one.fork(root, 16)
        assert one.held() == alone
        one.close(root)
        assert one.held().tokens == len(PROMPT)
        one.decode(leaves, stop=STEP, max_new=5)
        grown = sum(len(leaf.completion) - leaf.finished for leaf in leaves)
        assert one.held().tokens == len(PROMPT) + grown
        for leaf in leaves[1:]:
            one.close(leaf)
        assert one.held().tokens == len(leaves[0].ids) - leaves[0].finished
        one.close(leaves[0])
        assert one.held().memory_bytes == one.held().tokens == 0
