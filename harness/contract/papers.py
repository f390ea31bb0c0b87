"""The papers that are reproduced: what their abstracts state, and the claims that test it.

Each has a file `workloads/papers/<slug>.toml`. A method belongs to a paper whose slug its card names.
It begins with title and arXiv number; then every sentence of the abstract that states a result stands in our
words, with the claims that test it, or with the reason why none does:

    [[sentences]]
    says = "It holds 1.8 times less cache on the mean, with little loss of accuracy."
    claims = ["ets-1-64"]

    [[sentences]]
    says = "No kernel of one's own is needed."
    out_of_reach = "what others must write cannot be measured"

`out_of_reach` is for what nothing here can test, `not_built` for what could be tested and is not. What a claim
takes is planned by a pilot on seeds that decide nothing (`adabench power`), before a reproduction is recorded:

    [[plans]]
    claim = "ets-1-64"
    unit = "cases"
    size = 480
    seeds = 10

Claims follow (`claim_files.py`). A paper has `commands` where runs that decide its published claims were cut to a few
minutes by hand; a test sees to it that together they leave none of these claims "not run".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adabench.harness.contract import claim_files, registry, source_files
from adabench.harness.contract.claim import Claim
from adabench.harness.errors import MethodContractError, nearest

ARXIV = re.compile(r"\d{4}\.\d{4,5}")
FEWEST_LETTERS = 4
"""Of a part of a title: fewer fit too many."""
KEYS = ("title", "formerly", "arxiv", "commands", "sentences", "plans", "claims")
REASONS = ("out_of_reach", "not_built")
PLAN_KEYS = ("claim", "unit", "size", "seeds")
UNITS = ("cases", "trainings", "seeds")


@dataclass(frozen=True)
class Sentence:
    """A sentence of an abstract that states a result."""

    says: str
    """The sentence, in our words."""
    claims: tuple[str, ...] = ()
    """Ids of the claims that test it."""
    out_of_reach: str = ""
    """Why nothing here can test it."""
    not_built: str = ""
    """What would have to be built here to test it."""


@dataclass(frozen=True)
class Plan:
    """What a claim takes, by a pilot: power 0.9 at the paper's effect, and at no effect."""

    claim: str
    unit: str
    """What its interval rests on: cases, trainings or seeds."""
    size: int
    """So many of them; 0 where no number would do."""
    seeds: int
    """Seeds of a run that has so many."""


@dataclass(frozen=True)
class Paper:
    """A paper, by the short name that its methods' cards give."""

    slug: str
    title: str
    arxiv: str
    """Its number: `2502.13575`."""
    commands: tuple[str, ...] = ()
    """`adabench run ...`, each a run; empty where they follow from the claims."""
    sentences: tuple[Sentence, ...] = ()
    """Of its abstract, those that state a result."""
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """By claim."""
    claims: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    """By the address of the method that they are about."""
    formerly: str = ""
    """Its title in another version of it."""


@cache
def papers() -> Mapping[str, Paper]:
    """Return every paper by its slug.

    Raises:
        MethodContractError: if a file cannot be read.
    """
    found = {
        file.stem: read_paper(file)
        for root in source_files.roots()
        for file in sorted((root / claim_files.PAPERS_FOLDER).glob("*.toml"))
    }
    return MappingProxyType(found)


def read_paper(file: Path) -> Paper:
    """Read the file of a paper.

    Raises:
        MethodContractError: if it is no TOML, has an unknown key, or lacks title or number.
    """
    about = claim_files.document(file)
    _refuse_unknown(about, KEYS, f"{file.name} has")
    for key in ("title", "arxiv"):
        if not isinstance(about.get(key), str):
            raise MethodContractError(f"{file.name} has no {key}.", f'Write {key} = "...".')
    sentences = tuple(
        _sentence(row, file.name) for row in claim_files.tables(about, "sentences", file.name)
    )
    rows = claim_files.tables(about, "plans", file.name)
    plans = {plan.claim: plan for plan in (_plan(row, file.name) for row in rows)}
    commands = tuple(about.get("commands", ()))
    claims = claim_files.claims_in(file)
    titles = (about["title"], about["arxiv"])
    formerly = str(about.get("formerly", ""))
    return Paper(file.stem, *titles, commands, sentences, plans, claims, formerly)


def _plan(row: Mapping[str, Any], file: str) -> Plan:
    whose = f"The plan of {row.get('claim', 'no claim')} in {file}"
    _refuse_unknown(row, PLAN_KEYS, f"{whose} has")
    size, seeds = (row.get(key) for key in ("size", "seeds"))
    whole = all(type(number) is int and number >= 0 for number in (size, seeds))
    if not whole or row.get("unit") not in UNITS or not isinstance(row.get("claim"), str):
        raise MethodContractError(
            f"{whose} cannot be read.",
            f'It has claim = "id", unit = one of {", ".join(UNITS)}, size and seeds.',
        )
    return Plan(row["claim"], row["unit"], row["size"], row["seeds"])


def _sentence(row: Mapping[str, Any], file: str) -> Sentence:
    name = str(row.get("says", "without words"))
    _refuse_unknown(row, ("says", "claims", *REASONS), f"The sentence {name!r} in {file} has")
    ids = row.get("claims", [])
    words = [row.get(key, "") for key in ("says", *REASONS)]
    if not isinstance(ids, list) or not all(isinstance(word, str) for word in (*ids, *words)):
        raise MethodContractError(
            f"The sentence {name!r} in {file} cannot be read.",
            'It has texts, and claims = ["id", ...].',
        )
    return Sentence(words[0], tuple(ids), *words[1:])


def _refuse_unknown(row: Mapping[str, Any], known: tuple[str, ...], whose: str) -> None:
    unknown = next((key for key in row if key not in known), None)
    if unknown is not None:
        raise MethodContractError(f"{whose} an unknown key {unknown!r}.", nearest(unknown, known))


def faults(paper: Paper) -> Iterator[str]:
    """Yield what is wrong between a paper's sentences and its claims."""
    claims = {claim.id: claim for found in paper.claims.values() for claim in found}
    slugs = {
        entry.address: entry.card.slug
        for task in registry.tasks()
        for entry in registry.methods(task).values()
    }
    for address in paper.claims:
        if address not in slugs:
            yield f"{paper.slug}.toml has claims about {address}, which is no method"
        elif slugs[address] != paper.slug:
            yield (
                f"{paper.slug}.toml has claims about {address}, whose card lacks its slug: no run "
                f'would judge them. Write slug="{paper.slug}" there, or move them to the task\'s claims.toml'
            )
    if not paper.sentences:
        yield f"{paper.slug}.toml has no sentence of the abstract ([[sentences]])"
    for sentence in paper.sentences:
        yield from _faults_of_sentence(sentence, claims)
    for name in paper.plans.keys() - claims.keys():
        yield f"{paper.slug}.toml plans {name}, which is no claim of it"
    carried = {name for sentence in paper.sentences for name in sentence.claims}
    for claim in claims.values():
        if claim.source == "headline" and claim.id not in carried:
            yield f"{claim.id} is a headline, and no sentence of the abstract carries it: say measured, or add one"


def _faults_of_sentence(sentence: Sentence, claims: Mapping[str, Claim]) -> Iterator[str]:
    name = f"the sentence {sentence.says!r}"
    answers = [bool(sentence.claims), bool(sentence.out_of_reach), bool(sentence.not_built)]
    if not sentence.says:
        yield "a sentence says nothing"
    if sum(answers) != 1:
        yield f"{name} needs claims, or why none tests it (out_of_reach= or not_built=), and one of these"
    for claim_id in sentence.claims:
        claim = claims.get(claim_id)
        if claim is None:
            yield f"{name} names {claim_id}, which is no claim of its file"
        elif claim.source == "own":
            yield f"{name} names {claim_id}, which is a criterion of our own"


def find_papers(words: str) -> list[Paper]:
    """Return the papers that a slug, an arXiv number (or address) or a part of a title speaks of."""
    text, number = words.strip().lower(), ARXIV.search(words)
    letters = _letters(words)
    if number:
        return [paper for paper in papers().values() if paper.arxiv == number[0]]
    if text in papers():
        return [papers()[text]]
    if len(letters) < FEWEST_LETTERS:
        return []
    return [
        paper
        for paper in papers().values()
        if any(letters in _letters(title) for title in (paper.title, paper.formerly))
    ]


def _letters(title: str) -> str:
    """Return a title as it is compared: `FMT^{x}: An ...` is `FMTx: an ...`."""
    return re.sub(r"[^a-z0-9]", "", title.lower())
