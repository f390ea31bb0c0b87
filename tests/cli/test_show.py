"""`adabench show` from the outside: a card as text, as JSON and as a page."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from tests.cli.program import adabench

# One set-up for all of them.
pytestmark = [pytest.mark.xdist_group("show"), pytest.mark.usefixtures("here")]


def test_a_card_says_its_signal_and_its_control_or_why_there_is_none(env: dict[str, str]) -> None:
    shown = adabench("show", "chain/lookahead", env=env).stdout
    assert "signal     shared.language_model.search_session:Session.scores" in shown
    assert "control    chain/lookahead_permuted, with another case's signal" in shown
    assert "_permuted_permuted" not in adabench("show", "chain/lookahead_permuted", env=env).stdout
    assert "no signal  bits stand in the trace" in adabench("show", "paging/mark0", env=env).stdout


def test_a_card_is_a_page_of_its_own(env: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    done = adabench("show", "roots/residual", "--html", page, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(page)
    text = page.read_text(encoding="utf-8")
    for word in ("tolerance", "iterations, on the last relative change", "T-1", "Not judged"):
        assert word in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    HTMLParser().feed(text)


def test_a_run_adds_verdicts_and_the_plot(env: dict[str, str], run: Path, tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    done = adabench("show", "roots/residual", "--html", page, "--run", run, env=env)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "reproduced" in text
    assert "Not judged" not in text
    assert str(run.parent) not in text
    task = adabench("show", "roots", "--html", page, "--run", run, env=env)
    assert task.returncode == 0, task.stderr
    assert "coin" in page.read_text(encoding="utf-8")


def test_show_prints_the_notes_and_every_claim_when_all_is_wanted(env: dict[str, str]) -> None:
    text = adabench("show", "roots/residual", "--full", env=env).stdout
    assert "compute follows difficulty" in text
    assert "T-1" in text
    assert json.loads(adabench("show", "roots", "--json", env=env).stdout)["metrics"]


@pytest.mark.parametrize("columns", [80, 100, 160])
def test_a_card_fits_a_screen_and_says_bar_and_paper(env: dict[str, str], columns: int) -> None:
    done = adabench("show", "chain/ets", env={**env, "COLUMNS": str(columns)})
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    claims = [line for line in lines if line.startswith("  ets-")]
    assert len(claims) == sum(claim.published for claim in registry.find("chain/ets").card.claims)
    assert all(len(line) <= columns for line in claims)
    assert any("at most 0.7457" in line and "1.8x" in line for line in claims)
    assert "  adabench reproduce ets" in lines
    assert "Ratio(" not in done.stdout


def test_a_paper_with_one_method_is_shown_by_its_name_and_one_with_several_names_them(
    env: dict[str, str],
) -> None:
    assert adabench("show", "ets", env=env).stdout == (
        adabench("show", "chain/ets", env=env).stdout
    )
    several = adabench("show", "arbitrage", env=env)
    assert several.returncode == 2
    assert "chain/arbitrage, text/arbitrage" in several.stderr
    assert adabench("show", "nothing-like-it", env=env).returncode == 2
