"""Warnings stand in every report, and no option takes them away."""

import dataclasses

from adabench.cli import session
from adabench.reports.report.page import render


def test_every_report_shows_the_warnings(findings, capsys):
    loud = dataclasses.replace(findings, manifest={**findings.manifest, "warnings": ["Beware."]})
    session.show(loud, None, as_json=False)
    assert "warning: Beware." in capsys.readouterr().err
    session.show(loud, None, as_json=True)
    assert '"warnings": ["Beware."]' in capsys.readouterr().out
    session.show_claims(loud, as_json=True)
    assert "warning: Beware." in capsys.readouterr().err
    assert "Beware." in render(loud)
