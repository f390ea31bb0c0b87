"""The control that the harness makes of a method: another case's signal, and nothing else changed."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from adabench.harness.analysis.claims.command import commands
from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.contract import registry
from adabench.harness.contract.claim_rivals import rivals
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.run.block import LoadedBlock
from adabench.harness.run.measurement import Measurement
from adabench.harness.run.method_handle import ServerHandle
from adabench.harness.run.permuted_signal import (
    PACKAGE,
    UNREAD,
    PermutedSignal,
    in_shape_of,
    partners,
)
from adabench.harness.run.trial_rules import MethodTrials

READS = ("chain/ttspm", "chain/ets")
"""For tests/suite/dependencies.py."""


@pytest.mark.parametrize("count", [2, 3, 48])
def test_every_case_has_another_ones_signal_and_gives_its_own_to_one(count: int) -> None:
    found = partners(count, "a block")
    assert sorted(found) == list(range(count))
    assert all(partner != case for case, partner in enumerate(found))
    assert found == partners(count, "a block")
    assert count < 4 or found != partners(count, "another block")


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        (0.5, 0.25, 0.25),
        (True, 0, False),
        ([1.0, 2.0, 3.0], [7.0, 8.0], [7.0, 8.0, 7.0]),
        ([(0.1,), (0.2, 0.3)], [(0.9, 0.8)], [(0.9,), (0.9, 0.8)]),
        ("text", "other", "text"),
        (None, 3.0, None),
        ([1.0], [], [1.0]),
    ],
)
def test_a_value_keeps_its_shape_and_type(own: object, other: object, expected: object) -> None:
    found = in_shape_of(own, other)
    assert found == expected
    assert type(found) is type(expected)


def test_rows_of_an_array_come_round_again() -> None:
    own, other = np.zeros((3, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])
    assert in_shape_of(own, other).tolist() == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
    assert in_shape_of(torch.zeros(1), torch.tensor([5.0, 6.0])).tolist() == [5.0]
    assert in_shape_of(own, np.ones((3, 4))) is own, "columns are no rows"


class Judge:
    """A class of a substrate."""

    def score(self, x: float) -> list[float]:
        """Return what a judge thinks."""
        return [x]


def ease(x: float) -> float:
    """Return how easy something is."""
    return x / 10


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of a substrate, and another one that has imported its function."""
    module, user = ModuleType("substrate.source"), ModuleType("substrate.user")
    own = type("Judge", (), dict(vars(Judge)))
    vars(module).update(ease=ease, Judge=own)
    vars(user).update(ease=ease, Judge=own)
    for one in (module, user):
        monkeypatch.setitem(sys.modules, one.__name__, one)
    return user


def test_what_a_function_returned_for_a_partner_is_returned_call_by_call(source) -> None:
    permuted = PermutedSignal()
    permuted.wrap(("substrate.source:ease", "substrate.source:Judge.score"))
    seen: list[list[tuple[float, list[float]]]] = []

    def work(*cases: float) -> Measurement:
        judge = source.Judge()
        seen.append([(source.ease(case), judge.score(case)) for case in cases])
        return Measurement({}, {}, {}, 1)

    solve = permuted.from_first_call(work)
    solve(1.0)
    with permuted.recording():
        solve(5.0, 6.0)
    assert permuted.replay(lambda: solve(1.0, 2.0, 3.0)).note == ""
    again = permuted.replay(lambda: solve(1.0))
    own, partner, longer, once = seen
    assert own == [(0.1, [1.0])]
    assert longer == [*partner, partner[0]]
    assert (once, again.note) == ([partner[0]], "")
    assert permuted.replay(lambda: Measurement({}, {}, {}, 1)).note == UNREAD


@pytest.mark.parametrize(
    "name", ["nowhere:ease", "substrate.source:nothing", "substrate.source:Judge.nothing"]
)
@pytest.mark.usefixtures("source")
def test_a_signal_that_is_no_function_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(MethodContractError, match="no function of the substrate"):
        PermutedSignal().wrap((name,))


def test_a_control_is_found_by_its_name_and_stands_in_no_list() -> None:
    control = registry.find("chain/ets_permuted")
    assert (control.card.role, control.card.control_of) == ("control", ("ets",))
    assert (control.card.claims, control.card.slug) == ((), "")
    assert control.card.knobs == registry.find("chain/ets").card.knobs
    assert registry.load(control) is registry.load(registry.find("chain/ets"))
    assert registry.load(registry.find("text/ttspm_permuted")), (
        "a variant of it has a title of its own"
    )
    assert "chain/ets_permuted" not in registry.methods("chain")
    with pytest.raises(SelectionError):
        registry.find("chain/majority_permuted")


def test_every_signal_of_a_card_is_a_function_of_the_substrate() -> None:
    cards = [e.card for task in registry.tasks() for e in registry.methods(task).values()]
    named = {name for card in cards for name in card.signal}
    assert named
    for name in named:
        module, _, path = name.partition(":")
        found: object = __import__(f"{PACKAGE}.{module}", fromlist=["x"])
        for part in path.split("."):
            found = getattr(found, part)
        assert callable(found), name
    assert {card.role for card in cards if card.signal} == {"adaptive"}


def test_claims_are_put_to_it() -> None:
    card = registry.find("chain").card
    methods = {entry.name: entry.card for entry in registry.methods("chain").values()}
    claims = {claim.id: claim for claim in methods["ets"].claims}
    (line,) = commands(claims["ets-1-16"], "ets", Evidence("chain", card, methods, []))
    assert "chain/ets_permuted" in line.split()
    with_it = {**methods, "ets_permuted": registry.find("chain/ets_permuted").card}
    for claim in claims.values():
        named = set(rivals(claim, "ets", card, with_it))
        assert ("ets_permuted" in named) == (claim.apart_from != ()), claim.id


@pytest.mark.usefixtures("toy")
def test_a_case_stops_where_its_partner_stops_whatever_the_order() -> None:
    """What a step costs is the same; how many there are follows the other number's changes."""
    servers: dict[str, ServerHandle] = {}
    blocks: dict[str, LoadedBlock] = {}
    try:
        own = MethodTrials(registry.find("roots/residual"), servers, blocks)
        control = MethodTrials(registry.find("roots/residual_permuted"), servers, blocks)
        assert [*control.order(), *control.contract(), *own.signal()] == []
        (block,) = blocks.values()
        steps = {r.case: r.values["steps"] for r in own._by_case(range(12), counts=True).values()}
        permuted = control._by_case(range(11, -1, -1), counts=True)
        for case, partner in enumerate(partners(12, block.name)):
            assert permuted[case].values["steps"] == steps[partner]
        assert sum(record.values["right"] for record in permuted.values()) < 12
    finally:
        for server in servers.values():
            server.close()
