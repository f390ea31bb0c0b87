"""A paper's file: its sentences, and whether each has its answer."""

from pathlib import Path

import pytest

from adabench.harness.contract.papers import Paper, faults, find_papers, papers, read_paper
from adabench.harness.errors import MethodContractError

HEAD = 'title = "A Paper"\narxiv = "2502.00001"\n'
CLAIM = """
[[claims]]
id = "p-1"
method = "chain/ets"
says = "It costs less."
source = "headline"
paper = "half the cost"
effect = 0.5
[claims.ratio]
metric = "cost"
against = "x"
"""
SENTENCE = '\n[[sentences]]\nsays = "It halves the cost."\nclaims = ["p-1"]\n'


def paper_of(folder: Path, text: str) -> Paper:
    file = folder / "ets.toml"
    file.write_text(text, encoding="utf-8")
    return read_paper(file)


def test_a_paper_is_what_its_file_says(tmp_path) -> None:
    paper = paper_of(tmp_path, HEAD + 'commands = ["adabench run a"]\n' + SENTENCE + CLAIM)
    assert (paper.slug, paper.arxiv, paper.commands) == (
        "ets",
        "2502.00001",
        ("adabench run a",),
    )
    assert [sentence.claims for sentence in paper.sentences] == [("p-1",)]
    assert [claim.id for claim in paper.claims["chain/ets"]] == ["p-1"]
    assert not list(faults(paper))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CLAIM, "has no title"),
        (HEAD + "sentence = 1\n", "unknown key 'sentence'"),
        (
            HEAD + '[[sentences]]\nsays = "s"\nbecause = "b"\n',
            "'s' in ets.toml has an unknown key",
        ),
        (HEAD + '[[sentences]]\nsays = "s"\nclaims = "p-1"\n', "cannot be read"),
        (HEAD + "[[sentences]]\nsays = 1\n", "cannot be read"),
    ],
)
def test_what_no_paper_says_is_refused_in_a_sentence(text, words, tmp_path) -> None:
    with pytest.raises(MethodContractError, match=words) as refused:
        paper_of(tmp_path, text)
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + CLAIM, "no sentence of the abstract"),
        (HEAD + SENTENCE.replace("p-1", "p-2") + CLAIM, "names p-2, which is no claim"),
        (HEAD + SENTENCE.replace('claims = ["p-1"]', "") + CLAIM, "needs claims, or why none"),
        (HEAD + SENTENCE + 'not_built = "it is not"\n' + CLAIM, "and one of these"),
        (HEAD + SENTENCE + CLAIM.replace("headline", "own"), "a criterion of our own"),
        (HEAD + SENTENCE + CLAIM.replace("chain/ets", "chain/nobody"), "which is no method"),
        (HEAD + SENTENCE + CLAIM.replace("chain/ets", "chain/beam"), "whose card lacks its slug"),
        (
            HEAD + SENTENCE + CLAIM + CLAIM.replace("p-1", "p-2"),
            "p-2 is a headline, and no sentence of the abstract carries it",
        ),
    ],
)
def test_sentences_and_claims_answer_each_other(text, words, tmp_path) -> None:
    assert any(words in fault for fault in faults(paper_of(tmp_path, text)))


def test_every_sentence_of_our_papers_has_its_answer() -> None:
    found = {slug: list(faults(paper)) for slug, paper in papers().items()}
    assert not {slug: problems for slug, problems in found.items() if problems}


PLAN = '\n[[plans]]\nclaim = "p-1"\nunit = "cases"\nsize = 480\nseeds = 10\n'


def test_a_plan_is_what_its_table_says(tmp_path) -> None:
    plan = paper_of(tmp_path, HEAD + SENTENCE + PLAN + CLAIM).plans["p-1"]
    assert (plan.unit, plan.size, plan.seeds) == ("cases", 480, 10)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seeds = 10", 'seeds = "10"', "cannot be read"),
        ("size = 480", "size = -1", "cannot be read"),
        ('unit = "cases"', 'unit = "questions"', "cannot be read"),
        ("size", "power", "unknown key 'power'"),
    ],
)
def test_what_is_no_plan_is_refused(old, new, words, tmp_path) -> None:
    with pytest.raises(MethodContractError, match=words):
        paper_of(tmp_path, HEAD + SENTENCE + PLAN.replace(old, new) + CLAIM)


def test_a_plan_of_no_claim_is_a_fault(tmp_path) -> None:
    paper = paper_of(tmp_path, HEAD + SENTENCE + PLAN.replace("p-1", "p-9") + CLAIM)
    assert "ets.toml plans p-9, which is no claim of it" in list(faults(paper))


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        ("FMT^{x}: An Efficient and Asymptotically Optimal Extension", "fmtx"),
        ("exploring test-time scaling pareto", "ttspm"),
        ("exploring test-time scaling plateau", "ttspm"),
        ("Not All Prompts Are Made Equal: Prompt-based Pruning", "aptp"),
        ("https://arxiv.org/abs/2406.12042v2", "aptp"),
    ],
)
def test_a_paper_is_found_by_its_title_however_it_is_written(words: str, slug: str) -> None:
    assert [paper.slug for paper in find_papers(words)] == [slug]


def test_two_letters_are_no_title() -> None:
    assert find_papers("a, (n)!") == []
