"""Rows of a card that are methods: their cards, their points, and what a card may not say of them."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adabench.harness.contract import catalogue, registry
from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Variant
from adabench.harness.contract.scaffold import method_scaffold
from adabench.harness.contract.variants import bound, variant_card
from adabench.harness.errors import SelectionError
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.run.execute import execute
from adabench.harness.run.settings import Settings

METHOD = '''"""Takes some steps."""

from adabench.harness.contract.card import Card, Knob, Variant

CARD = Card(
    title="Some steps",
    paper="ours",
    slug="steps",
    adapts="steps",
    no_signal="there is none",
    knobs=(Knob("size", (1, 2), 1), Knob("times", (1, 3), 1)),
    fixed={"more": 0},
    variants=(
        Variant("many_steps", "Many steps", {"more": 5}, essay="""What it is for.

            And what it is.
            """),
        Variant("one_size", "Steps of one size", {"size": 2, "times": 1}, role="static"),
    ),
)


def solve(task, case, point):
    """Take them."""
    for _ in range(int(point["times"]) + int(point["more"])):
        result = task.step(case, 1.0)
    return result
'''


@pytest.fixture
def rows(
    tmp_path: Path, toy: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, registry.Entry]]:
    """Install a package with a method of `roots` that has this text, and find the methods of its file."""

    def install(text: str) -> dict[str, registry.Entry]:
        info = tmp_path / "adabench_rows-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adabench-rows\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(
            "[adabench.methods]\nroots/few_steps = adabench_rows_steps\n"
        )
        (tmp_path / "adabench_rows_steps.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        return {
            entry.name: entry
            for entry in registry.methods("roots").values()
            if entry.module == "adabench_rows_steps"
        }

    yield install
    sys.modules.pop("adabench_rows_steps", None)


Rows = Callable[[str], dict[str, registry.Entry]]


def test_a_variant_is_a_method_with_a_card_of_its_own(rows: Rows) -> None:
    found = rows(METHOD)
    assert list(found) == ["few_steps", "many_steps", "one_size"]
    base, many, one = (found[name].card for name in found)
    assert (many.title, many.role, many.slug, many.no_signal) == ("Many steps", "control", "", "")
    assert many.knobs == base.knobs
    assert (one.role, one.knobs, dict(one.fixed)) == (
        "static",
        (),
        {"more": 0, "size": 2, "times": 1},
    )
    assert registry.find("roots/many_steps") == found["many_steps"]


def test_its_essay_is_that_of_its_row(rows: Rows) -> None:
    found = rows(METHOD)
    assert catalogue.essay(found["few_steps"]) == "Takes some steps."
    assert catalogue.essay(found["many_steps"]) == "What it is for.\n\nAnd what it is."
    assert catalogue.essay(found["one_size"]) == ""


def test_a_run_hands_each_what_its_card_fixes_and_records_its_own_knobs_alone(rows: Rows) -> None:
    found = rows(METHOD)
    chosen = [
        select_settings(registry.find("roots"), entry, fixed={"spread": 4.0})
        for entry in found.values()
    ]
    turns = plan(chosen, seeds=(0,), counts=True)
    steps: dict[str, set[Any]] = {}
    for record in execute(turns, Settings()):
        assert record.status == "ok", record
        point = tuple(sorted(record.cell.point.items()))
        steps.setdefault(record.cell.method, set()).add((point, record.values["steps"]))
    assert {taken for _, taken in steps["few_steps"]} == {1, 3}
    assert {taken for _, taken in steps["many_steps"]} == {6, 8}
    assert steps["one_size"] == {((), 1)}


def test_what_a_point_says_goes_before_what_a_card_fixes() -> None:
    module = ModuleType("m")
    vars(module).update(
        solve=lambda task, case, point: point, prepare=lambda task, point, seed: point
    )
    card = Card("m", knobs=(Knob("a", (1, 2), 1),), fixed={"b": 3})
    made = bound(module, card)
    assert made.solve(None, None, {"a": 2}) == {"a": 2, "b": 3}
    assert made.prepare(None, {"a": 1}, 0) == {"a": 1, "b": 3}
    assert bound(module, replace(card, fixed={})) is module


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        (
            (Variant("x", "X", {"c": 1}),),
            "the variant x sets c; it sets what fixed= or knobs= name",
        ),
        ((Variant("x", "X", {}),), "the variant x sets nothing"),
        (
            (Variant("x", "X", {"b": 1}, knobs=()),),
            "the variant x has no knob a, and does not set it",
        ),
        ((Variant("x", "X", {"b": 1}), Variant("x", "Y", {"b": 2})), "two variants have one name"),
    ],
)
def test_a_card_with_an_empty_or_a_double_variant_is_refused(
    variants: tuple[Variant, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Card("m", knobs=(Knob("a", (1,), 1),), fixed={"b": 3}, variants=variants)


def test_such_a_card_is_listed_with_its_problem(rows: Rows) -> None:
    found = rows(METHOD.replace('{"more": 5}', '{"much": 5}'))
    assert list(found) == ["few_steps"]
    assert "the variant many_steps sets much" in found["few_steps"].problem


def test_an_adaptive_variant_has_the_signal_of_its_method() -> None:
    card = Card("m", signal=("a:b",), skips_from="s", fixed={"b": 3})
    ablation = variant_card(card, Variant("x", "X", {"b": 1}, role="adaptive"))
    assert (ablation.signal, ablation.skips_from) == (("a:b",), "s")
    assert variant_card(card, Variant("y", "Y", {"b": 1})).signal == ()


def test_the_control_with_another_signal_is_that_of_the_variant(rows: Rows) -> None:
    text = METHOD.replace('no_signal="there is none"', 'signal=("random:random",)')
    rows(text.replace('{"more": 5}', '{"more": 5}, role="adaptive"'))
    control = registry.find("roots/many_steps_permuted")
    assert (control.card.role, dict(control.card.fixed)) == ("control", {"more": 5})
    assert control.card == registry.load(control).CARD


def test_a_method_begun_from_one_with_variants_reads_what_its_model_fixes(rows: Rows) -> None:
    rows(METHOD)
    text = method_scaffold._text("roots", "mine", registry.find("roots/few_steps"))
    assert 'fixed={"more": 0}' in text
    assert "Variant(" not in text
    with pytest.raises(SelectionError, match="no method of roots that is one file"):
        method_scaffold._model("roots", "many_steps")


def test_a_variant_called_as_a_file_is_refused(rows: Rows) -> None:
    from adabench.harness.run.conformance import ConformanceCheck

    rows(METHOD.replace('"many_steps"', '"fixed"'))
    with ConformanceCheck() as checks:
        said = [finding.problem for finding in checks.check("roots/few_steps")]
    assert any(
        "its variant fixed is called as a method with a file of its own" in one for one in said
    )


def test_a_variant_of_a_familys_method_differs_on_a_task_in_its_own_way() -> None:
    card = Card(
        "m", tasks=("a", "b"), knobs=(Knob("n", (1, 2), 1), Knob("s", (0, 1), 1)),
        on_task={"b": OnTask(sweep={"n": (2,)})},
        abilities=(Ability("samples"), Ability("hidden", unless={"s": 0})),
    )  # fmt: skip
    usual = variant_card(card, Variant("x", "X", {"s": 0}))
    assert [usual.on(task).defaults for task in card.tasks] == [{"n": 1}, {"n": 2}]
    assert usual.abilities == (Ability("samples"),)
    other = Variant("y", "Y", {"s": 1}, on_task={"b": OnTask(sweep={"n": (3,)})})
    assert variant_card(card, other).on("b").defaults == {"n": 3}
    assert variant_card(card, other).abilities == card.abilities
