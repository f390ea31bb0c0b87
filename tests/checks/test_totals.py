"""What papers, tasks and families take: new ones have a budget, known ones only fall."""

from collections.abc import Callable, Mapping

import pytest

from checks import totals
from checks.tree import Tree

Product = Callable[[Mapping[str, str]], Tree]
TASK = "workloads/algorithms/paging"
METHOD = f"{TASK}/methods/mark0.py"
TESTS = "tests/workloads/algorithms/paging"


def lines(count: int) -> str:
    return "x = 1\n" * count


def paper(parts: int, each: int, tests: int = 0) -> dict[str, str]:
    """A method of a paper whose parts nothing else uses, and a test of it."""
    named = [
        f"from adabench.{TASK.replace('/', '.')}.substrate import part{i}\n" for i in range(parts)
    ]
    found = {
        METHOD: "".join(named) + "CARD = Card('MARK0', slug='paging')\n",
        **{f"{TASK}/substrate/part{i}.py": lines(each) for i in range(parts)},
    }
    if tests:
        head = f"from adabench.{METHOD.removesuffix('.py').replace('/', '.')} import CARD\n"
        found[f"{TESTS}/test_mark0.py"] = head + lines(tests - 1)
    return found


def offences(tree: Tree) -> dict[str, int]:
    return {found.check: found.size for found in totals.offences(tree)}


@pytest.mark.parametrize(
    ("planted", "check", "size"),
    [
        (paper(6, 10, tests=1), {}, 0),
        (paper(7, 10, tests=1), "paper-total", 9),
        (paper(1, 898, tests=300), {}, 0),
        (paper(1, 898, tests=301), "paper-total", 1201),
        ({f"{TASK}/task.py": "CARD = Card('paging')\n" + lines(1500)}, "task-total", 1505),
        ({f"{TESTS}/test_task.py": lines(501)}, "task-total", 501),
    ],
)  # fmt: skip
def test_a_new_paper_and_a_new_task_have_a_budget(
    product: Product, planted: dict[str, str], check: str, size: int
) -> None:
    assert offences(product(planted)) == ({check: size} if check else {})


def test_a_paper_over_its_budget_is_told_in_a_sentence(product: Product) -> None:
    (found,) = totals.offences(product(paper(1, 898, tests=301)))
    assert "The paper paging has 1,201 lines with its tests, and 1,200 are allowed" in found.says


def test_what_another_method_uses_too_is_not_the_papers(product: Product) -> None:
    shared = f"from adabench.{TASK.replace('/', '.')}.substrate import part0\nCARD = Card('r', role='static')\n"
    planted = {**paper(2, 100), f"{TASK}/methods/rival.py": shared}
    assert totals.measure(product(planted)).papers == {"paging": (2, 103)}


def test_a_rival_that_one_papers_claims_alone_name_is_the_papers(product: Product) -> None:
    rival, control = f"{TASK}/methods/rival.py", f"{TASK}/methods/coins.py"
    claim = '[[claims]]\nid = "PG-1"\nmethod = "paging/mark0"\n[claims.ratio]\nagainst = "rival"\n'
    planted = {
        **paper(0, 0),
        rival: "CARD = Card('r', role='static')\n",
        control: "CARD = Card('c', role='control', control_of=('mark0',))\n",
        "workloads/papers/paging.toml": claim,
    }
    assert totals.measure(product(planted)).papers == {"paging": (3, 3)}
    other = {METHOD.replace("mark0", "flush"): "CARD = Card('F', slug='other')\n"}
    also = {"workloads/papers/other.toml": claim.replace("mark0", "flush")}
    assert totals.measure(product({**planted, **other, **also})).papers["paging"] == (2, 2)
    mixed = {f"{TASK}/task.py": "CARD = Card('p', gaps=(Gap(mixture=('rival',)),))\n"}
    assert totals.measure(product({**planted, **mixed})).papers["paging"] == (2, 2)


def test_a_training_is_the_papers_whose_parts_it_names(product: Product) -> None:
    part = f"adabench.{TASK.replace('/', '.')}.substrate.part0"
    planted = {
        **paper(1, 10),
        f"{TASK}/recipes.py": f"from adabench.{TASK.replace('/', '.')}.training import train\n",
        f"{TASK}/training/train.py": f"import {part}\n",
        "cli/commands/train.py": "from importlib import import_module\nimport_module(f'{here}.recipes')\n",
    }
    assert totals.measure(product(planted)).papers == {"paging": (3, 13)}


def test_totals_only_fall_and_are_written_when_they_do(product: Product) -> None:
    tree = product(paper(1, 100))
    file = tree.root / totals.FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text('[papers]\n"paging" = [3, 200]\n[tasks]\n"paging" = [90, 0]\n[families]\n')
    assert {o.check: o.size for o in totals.offences(tree)} == {
        "paper-total": 102,
        "task-total": 109,
    }
    file.write_text(totals.lower(tree))
    assert totals.read_totals(tree.root) == totals.Totals(
        {"paging": (2, 102)}, {"paging": (90, 0)}, {}
    )


def test_a_new_paper_is_not_counted_against_its_family(product: Product) -> None:
    known = totals.Totals({}, {"paging": (10, 0)}, {})
    assert totals.measure(product(paper(1, 100)), known).tasks == {"paging": (7, 0)}
