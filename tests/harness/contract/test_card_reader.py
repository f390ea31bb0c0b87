"""A card is data: what its author writes beside literals and constructors is refused and never runs."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Claim, Knob, Metric, Ratio
from adabench.harness.contract.card_reader import card_value
from adabench.harness.errors import MethodContractError

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""

HOSTILE = {
    "an attribute": "Card(title=().__class__.__base__.__subclasses__()[0].__name__)",
    "a constructor's globals": "Card(title=Card.__init__.__globals__['__builtins__'])",
    "a function": "Card(title=__import__('os').system('touch {marker}'))",
    "a lambda": "(lambda: Card(title='x'))()",
    "a comprehension": "Card(title='x', needs=tuple(open('{marker}', 'w').name for _ in (1,)))",
    "formatted text": "Card(title=f'{{[].append.__self__}}')",
    "text times a number": "Card(title='x' * 10000000000)",
    "a power": "Card(title='x', seeds=9 ** 9 ** 9)",
    "a walrus": "Card(title=(x := 'x'))",
    "a choice": "Card(title='x' if open('{marker}', 'w') else 'y')",
    "an unpacked dictionary": "Card(**{{'title': 'x'}})",
    "unpacked arguments": "Card(*('x',))",
    "a name": "Card(title=Card)",
    "bytes": "Card(title=b'x')",
}


def value(text: str) -> Any:
    return card_value(ast.parse(text, mode="eval").body, "method.py")


def test_literals_and_constructors_are_evaluated() -> None:
    found = value(
        "Card(title='a' 'b', role='static', conditions={'n': -1 / 4, 'm': True}, knobs=(Knob('k', (1, 2), 1),),"
        "claims=(Claim(id='x', says='s', source='own', paper='p', effect=None,"
        " expect=Ratio('faults', against='lru', high=1 / 1.5)),))"
    )
    assert isinstance(found, Card)
    assert (found.title, found.conditions) == ("ab", {"n": -0.25, "m": True})
    assert found.knobs == (Knob("k", (1, 2), 1),)
    (claim,) = found.claims
    assert isinstance(claim, Claim)
    assert claim.expect == Ratio("faults", against="lru", high=1 / 1.5)


def test_names_that_share_a_row_are_metrics_of_their_own_and_a_pattern_names_them() -> None:
    found = value(
        "Card('x', metrics=(Metric('wide deep_1 deep_2', 'layers', 'lower', 'info'),), allocation=('deep_*',))"
    )
    names = ("wide", "deep_1", "deep_2")
    assert found.metrics == tuple(Metric(name, "layers", "lower", "info") for name in names)
    assert found.allocation == ("deep_1", "deep_2")
    assert Card("x", allocation=("deep",)).allocation == ("deep",)


@pytest.mark.parametrize("name", HOSTILE)
def test_anything_else_is_refused_with_its_line_and_does_not_run(name: str, tmp_path: Path) -> None:
    file, marker = tmp_path / "method.py", tmp_path / "ran"
    file.write_text(f"\nCARD = {HOSTILE[name].format(marker=marker)}\n")
    with pytest.raises(
        MethodContractError, match=r"method\.py cannot be read: line 2 says"
    ) as refused:
        registry.read_card(file)
    assert "\n" not in refused.value.message
    assert not marker.exists()


@pytest.mark.parametrize("depth", [300, 100_000])
def test_what_is_nested_too_deeply_is_refused(depth: int, tmp_path: Path) -> None:
    file = tmp_path / "method.py"
    file.write_text(f"CARD = Card(title='x', seeds={'-' * depth}1)\n")
    if depth == 300:
        assert registry.read_card(file) is not None
        return
    with pytest.raises(MethodContractError, match=r"method\.py"):
        registry.read_card(file)


@pytest.mark.parametrize(
    "name", ["a function", "an attribute", "a lambda", "a choice", "a comprehension"]
)
def test_the_command_line_ends_with_4_and_a_sentence(
    name: str, tmp_path: Path, command: Callable[..., Any]
) -> None:
    file, marker = tmp_path / "method.py", tmp_path / "ran"
    body = f"CARD = {HOSTILE[name].format(marker=marker)}\ndef solve(task, case, point):\n    return 1\n"
    file.write_text(body)
    for words in (("run", f"paging/mine={file}", "--dry-run"), ("check", f"paging/mine={file}")):
        done = command(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (4, ""), (words, done)
        assert "cannot be read" in done.stderr
        assert "Traceback" not in done.stderr
        assert not marker.exists()
