"""Checkpoints on `adabench show`: their figures beside their gates, or what makes those that are missing."""

import pytest

from adabench.cli.commands import show
from adabench.cli.commands.checkpoint_figures import documents, page
from adabench.harness.errors import SelectionError

READS = ("<all cards>",)
"""For tests/suite/dependencies.py: a name that is not known is looked for among all of them."""


def test_figures_of_a_shipped_policy_stand_beside_their_gates() -> None:
    (said,) = documents("lookup/agent-s-s0")
    lines = {line.split()[0]: line for line in page(said).splitlines()}
    assert lines["lookup/agent-s-s0:"].split()[1] == "shipped,"
    assert "at most 0.02" in lines["kb_dir"]
    assert "0.4 to 0.65" in lines["kb_act_3"]
    assert "at least 0.95" in lines["binding"]
    assert {gate["figure"] for gate in said["gates"]} <= said["figures"].keys()


def test_a_checkpoint_that_is_not_there_says_what_makes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    (said,) = documents("lookup/agent-m-s4")
    assert page(said) == "lookup/agent-m-s4: missing\n  adabench train lookup/agent-m-s4"


def test_what_is_neither_a_card_nor_a_checkpoint_is_refused_as_before() -> None:
    with pytest.raises(SelectionError, match="lookup/agent-q"):
        show.command("lookup/agent-q")
