"""Warnings stand in every report, and no option takes them away."""

import dataclasses

import pytest

from adabench.cli.commands import claims, run
from adabench.cli.terminal import forget_warnings
from adabench.harness.contract.record import Cell, Record
from adabench.reports.report.page import render


def test_every_report_shows_the_warnings(findings, capsys):
    loud = dataclasses.replace(findings, manifest={**findings.manifest, "warnings": ["Beware."]})
    forget_warnings()
    run.show(loud, None, as_json=False)
    assert "warning: Beware." in capsys.readouterr().err
    run.show(loud, None, as_json=True)
    assert '"warnings": ["Beware."]' in capsys.readouterr().out
    several = dataclasses.replace(
        findings, manifest={**loud.manifest, "warnings": ["Beware.", "And look."]}
    )
    run.show(several, None, as_json=False)
    assert "1 more warning: adabench claims" in capsys.readouterr().err
    claims.show_claims(several, as_json=True, everything=False)
    assert "And look." in capsys.readouterr().err
    forget_warnings()  # another command
    claims.show_claims(loud, as_json=True, everything=False)
    assert "warning: Beware." in capsys.readouterr().err
    assert "Beware." in render(loud)


@pytest.mark.parametrize(
    ("status", "says"),
    [("skipped", "every method was skipped"), ("timeout", "no case came to its end")],
)
def test_a_run_without_a_result_says_why_nothing_was_measured(findings, capsys, status, says):
    record = Record(Cell("roots", "fixed", {}, {}, "embedded", 0), "solve", 0, 0, status, {}, "...")
    tally = dataclasses.replace(findings.tally, records=1, without_result=[record])
    bare = dataclasses.replace(
        findings, manifest={**findings.manifest, "warnings": [], "certificate": None}, tally=tally
    )
    forget_warnings()
    run.say_warnings(bare)
    assert f"Nothing was measured: {says}." in capsys.readouterr().err
