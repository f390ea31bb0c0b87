"""Methods of `text` on foreign prompts, without lm-eval: room, repeats, contexts, oracles."""

from pathlib import Path
from typing import Any

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.lm_eval_bridge.text_subject import (
    Prompt,
    TextSubject,
    UnendedText,
    text_subject,
)

CONTEXT, ROOM = 256, 24
"""Words that the tiny Llama reads."""
LONG = "Step 1: 3 + 4 = 7.\n" * 60


@pytest.fixture(scope="module")
def model(llama_folder: Path) -> dict[str, Any]:
    return {"model": f"hf:{llama_folder}"}


@pytest.fixture(scope="module")
def sampling(model: dict[str, Any]) -> TextSubject:
    return text_subject("text/sample", 0, "embedded", model)


def test_a_prompt_that_is_too_long_loses_its_beginning(sampling: TextSubject):
    words = sampling.words.prompt(LONG)
    assert len(words) > CONTEXT
    record = sampling.completion(Prompt(LONG, (), ROOM)).record
    assert record.values["truncated"] == len(words) - (CONTEXT - ROOM)
    assert record.values["prefilled"] == CONTEXT - ROOM
    (short,) = sampling.likelihoods(LONG[-19 * 8 :], [" 7"])[0]
    ((_, _),), record = sampling.likelihoods(LONG, [" 7"])
    assert record.values["truncated"] > 0
    assert short[0] < 0


def test_a_prompt_that_is_asked_again_is_another_sample(sampling: TextSubject, model: Any):
    twice = [sampling.completion(Prompt("Step 2: ", (), ROOM)).text for _ in range(2)]
    assert twice[0] != twice[1]
    again = text_subject("text/sample", 0, "embedded", model)
    assert [again.completion(Prompt("Step 2: ", (), ROOM)).text for _ in range(2)] == twice


def test_a_completion_that_was_cut_says_so_and_states_no_last_number(sampling: TextSubject):
    prompt = "Answer the question: 3 + 4 = "
    cut = sampling.completion(Prompt(prompt, (), 1, gold="7"))
    assert isinstance(cut.text, UnendedText)
    assert cut.grades == {"accuracy": 0.0, "malformed": 1.0}
    assert sampling.completion(Prompt(prompt, (), 1)).grades == {}


def test_all_continuations_of_a_context_are_read_at_once(sampling: TextSubject):
    head, parts = (5, 6, 7, 8), [(9, 10), (11,), (9, 12, 13)]
    found, record = sampling.word_likelihoods(head, parts)
    alone = [sampling.word_likelihoods(head, [part])[0][0] for part in parts]
    assert [likelihood for likelihood, _ in found] == pytest.approx([w for w, _ in alone], abs=1e-4)
    assert [flag for _, flag in found] == [flag for _, flag in alone]
    assert record.values["prefilled"] == len(head) + sum(map(len, parts))


def test_of_all_words_the_likeliest_is_the_one_that_is_written_greedily(sampling: TextSubject):
    head = sampling.words.prompt("Step 1: 3 + 4 =")
    found, record = sampling.word_likelihoods(head, [(word,) for word in range(300)])
    likeliest = max(range(300), key=lambda word: found[word][0])
    assert [word for word in range(300) if found[word][1]] == [likeliest]
    assert record.values["generated"] == 1
    ((_, both),), _ = sampling.word_likelihoods(head, [(likeliest, 299)])
    assert not both or sampling.word_likelihoods((*head, likeliest), [(299,)])[0][0][1]


def test_an_oracle_answers_only_what_it_can_be_told(model: dict[str, Any]):
    oracle = text_subject("text/pass_at_n", 0, "embedded", {**model, "N": 2, "problems": 1})
    with pytest.raises(SelectionError, match="is an oracle"):
        oracle.completion(Prompt("Question: 1 + 1\n", (), ROOM, gold="2"))
    (own,) = oracle.known
    assert oracle.completion(Prompt(own, (), ROOM)).grades.keys() == {"accuracy", "malformed"}


def test_a_conversation_needs_a_template(sampling: TextSubject):
    with pytest.raises(SelectionError, match="no chat template"):
        sampling.chat([{"role": "user", "content": "1 + 1"}], asks=True)


def test_a_draft_and_its_target_answer_a_foreign_prompt(model: dict[str, Any]):
    pair = text_subject("text/random_escalation", 0, "embedded", {**model, "rate": 1.0})
    solved = pair.completion(Prompt("Step 1: ", (), ROOM, gold="7"))
    assert solved.text
    assert solved.record.values["target_share"] == 1.0
    assert solved.grades.keys() == {"accuracy", "malformed"}
