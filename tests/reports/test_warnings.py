"""Warnings stand in every report, and no option takes them away."""

import dataclasses

from adabench.cli.commands import claims, run
from adabench.cli.terminal import forget_warnings
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
