"""What to run for a paper is found by any of its names, and holds what its claims need."""

import pytest

from adabench.harness.analysis.reproduction import reproduction
from adabench.harness.contract.papers import papers
from adabench.harness.errors import SelectionError


@pytest.mark.parametrize(
    "name",
    ["ets", "ETS", "2502.13575", "arXiv:2502.13575v2", "https://arxiv.org/abs/2502.13575",
     "Efficient Tree Search"],
)  # fmt: skip
def test_a_paper_is_found_by_slug_number_and_title(name: str) -> None:
    assert reproduction(name).paper == papers()["ets"]


@pytest.mark.parametrize(
    ("name", "address"),
    [("paging/mark0", "paging/mark0"), ("stragglers", "stragglers/"), ("ets-4", "chain/ets")],
)
def test_methods_tasks_and_claims_are_found_too(name: str, address: str) -> None:
    found = reproduction(name)
    assert found.statements
    assert all(own.entry.address.startswith(address) for own in found.statements)


def test_commands_that_a_paper_names_are_runs_of_their_own() -> None:
    runs = reproduction("compute-optimal").runs
    assert [part.line for run in runs for part in run.parts] == list(
        papers()["compute-optimal"].commands
    )
    assert len(runs) == len(papers()["compute-optimal"].commands)


def test_claims_at_the_same_settings_share_a_command_and_every_cell_is_planned_once() -> None:
    (run,) = reproduction("paging").runs
    options = [part.options for part in run.parts]
    assert len(set(options)) == len(options)
    turns = run.turns("0")
    assert len({(turn.cell.key, turn.repeat) for turn in turns}) == len(turns)
    assert {turn.cell.seed for turn in turns} == {0}


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("etz", "No paper, task, method or claim", "ets"),
        ("9999.99999", "No paper here has the arXiv number 9999.99999", "docs/papers/README.md"),
        ("paging/lru", "paging/lru makes no published claim", "adabench show paging/lru"),
        ("Learning", "stands in several titles", "Say one of"),
        ("single_choice", "No paper, task, method or claim", "adabench list"),
    ],
)
def test_what_is_no_name_of_anything_is_refused(name: str, message: str, hint: str) -> None:
    with pytest.raises(SelectionError, match=message) as refused:
        reproduction(name)
    assert hint in refused.value.hint
