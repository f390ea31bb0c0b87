"""Claims are data: what a file may say, and what is refused in one sentence."""

import os
import tomllib
from pathlib import Path

import pytest

from adabench.harness.contract import claim_files, registry, source_files
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Correlation, Difference, Ratio, Where
from adabench.harness.errors import MethodContractError

WHOLE = """
[[claims]]
id = "a-1"
method = "toy/one"
says = "It costs less."
source = "headline"
paper = "half the cost"
effect = 0.5
apart_from = []
no_rival = "nobody else is there"
[claims.ratio]
metric = "cost"
against = ["x", "y"]
keeping = { accuracy = 0.01 }
where = { N = [4, 16], by = "score", judged = true }
"""
SECOND = WHOLE.replace("a-1", "a-2").replace("toy/one", "toy/two")
ANY = """
[[claims]]
id = "a-3"
method = "toy/one"
says = "They go together."
source = "own"
paper = "as they should"
over = "cases"
[claims.correlation]
metric = "m"
with = "n"
low = 0.5
"""


def read(folder: Path, text: str, name: str = "one.toml") -> dict[str, tuple[Claim, ...]]:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return dict(claim_files.claims_in(file))


def test_a_claim_is_what_its_table_says(tmp_path) -> None:
    found = read(tmp_path, WHOLE + SECOND + ANY)
    assert {method: [c.id for c in claims] for method, claims in found.items()} == {
        "toy/one": ["a-1", "a-3"], "toy/two": ["a-2"],
    }  # fmt: skip
    first, other = found["toy/one"]
    where: Where = {"N": (4, 16), "by": "score", "judged": True}
    assert first.expect == Ratio("cost", ("x", "y"), keeping={"accuracy": 0.01}, where=where)
    assert (first.effect, first.apart_from, first.no_rival) == (0.5, (), "nobody else is there")
    assert (other.effect, other.apart_from, other.over) == (None, None, "cases")
    assert other.expect == Correlation("m", "n", low=0.5)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("says =", "sayz =", "unknown key 'sayz'"),
        ("metric = ", "metrik = ", "unknown key 'metrik'"),
        ('source = "headline"', 'source = "rumour"', "source 'rumour'"),
        ("effect = 0.5", 'effect = "half"', "effect 'half'"),
        ("effect = 0.5", "effect = true", "effect True"),
        ("apart_from = []", 'apart_from = "x"', "apart_from 'x'"),
        ("[claims.ratio]", "[claims.rasio]", "has no form"),
        ("[claims.ratio]", "[claims.level]\nmetric='m'\n[claims.ratio]", "has 2 forms"),
        ('says = "It costs less."\n', "", "lacks says"),
        ('metric = "cost"\n', "", "lacks metric"),
        ('method = "toy/one"\n', "", "does not say whose it is"),
        ("effect = 0.5", "effect = ", "is not valid TOML"),
        ("[[claims]]", "[claims]", "no list of tables"),
    ],
)  # fmt: skip
def test_what_a_claim_cannot_be_is_refused_in_a_sentence(old, new, words, tmp_path) -> None:
    with pytest.raises(MethodContractError, match=words) as refused:
        read(tmp_path, WHOLE.replace(old, new, 1))
    assert "\n" not in refused.value.message
    assert "one.toml" in refused.value.message


def test_two_claims_of_one_id_are_refused(tmp_path) -> None:
    with pytest.raises(MethodContractError, match=r"a-1 in .* stands there twice"):
        read(tmp_path, WHOLE + SECOND.replace("a-2", "a-1"))


def test_a_file_that_changed_is_read_again(tmp_path) -> None:
    assert [claim.id for claim in read(tmp_path, WHOLE)["toy/one"]] == ["a-1"]
    file = tmp_path / "one.toml"
    before = file.stat()
    file.write_text(WHOLE.replace("a-1", "b-1"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert [claim.id for claim in claim_files.claims_in(file)["toy/one"]] == ["b-1"]
    assert not claim_files.claims_in(tmp_path / "none.toml")


def test_a_method_has_the_claims_of_its_paper_and_of_its_task() -> None:
    claims = {claim.id: claim for claim in registry.find("chain/ets").card.claims}
    assert isinstance(claims["ets-1-64"].expect, Ratio)
    assert claims["ets-1-64"].effect == 0.556
    assert isinstance(registry.find("chain/majority").card.claims[0].expect, Difference | Ratio)
    assert not registry.find("text/ets").card.claims, "they are decided on another task"


def test_every_claim_of_a_file_reaches_a_card() -> None:
    written = [
        row["id"]
        for root in source_files.roots()
        for file in (*root.glob("papers/*.toml"), *root.glob("*/*/claims.toml"))
        for row in tomllib.loads(file.read_text(encoding="utf-8")).get("claims", ())
    ]
    cards = [entry.card for task in registry.tasks() for entry in registry.methods(task).values()]
    assert sorted(written) == sorted(claim.id for card in cards for claim in card.claims)
    assert len(set(written)) == len(written)


def test_no_file_of_a_method_of_ours_holds_a_claim() -> None:
    paths = {e.path for task in registry.tasks() for e in registry.methods(task).values()}
    cards = {path.name: registry.read_card(path) for path in paths}
    assert not [name for name, card in cards.items() if card and card.claims]
