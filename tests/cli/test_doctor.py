"""`adabench doctor` from the outside."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.cli.commands import doctor
from adabench.harness.doctor.examine import examine
from tests.cli.program import adabench

pytestmark = pytest.mark.usefixtures("here")


def test_doctor_gives_a_reason_for_what_it_cannot_measure(toy_env: dict[str, str]) -> None:
    found = json.loads(adabench("doctor", "--json", env=toy_env).stdout)
    for item in found["abilities"]:
        assert item["state"] in ("yes", "partly", "no")
        assert (item["state"] == "yes") == (not item["reason"])
    assert "energy" in adabench("doctor", env=toy_env).stdout.lower()


def test_doctor_shows_a_model_and_what_it_can_do(
    llama_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = f"hf:{llama_folder}"
    doctor.show_model(spec, None, None, as_json=False, select=None)
    page = capsys.readouterr().out
    for words in ("LlamaForCausalLM", "300 words", "256 words", "yes  score", "no   exact"):
        assert words in page
    doctor.show_model(spec, "cpu", "bfloat16", as_json=True, select=None)
    found = json.loads(capsys.readouterr().out)
    assert (found["vocabulary"], found["dtype"]) == (300, "bfloat16")
    assert {item["name"]: item["able"] for item in found["abilities"]}["fork"] is True


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--model", "smolm2"], 2, "Did you mean smollm2?"),
        (["--model", "hf:./absent"], 2, "There is no folder ./absent"),
        (["--model", "openai:http://127.0.0.1:9/v1#x"], 3, "Nothing answers at"),
        (["--device", "cpu"], 2, "Name one with --model"),
        (["paging/lru", "--model", "smollm2"], 2, "two questions"),
    ],
)
def test_doctor_refuses_what_is_no_model(
    toy_env: dict[str, str], words: list[str], code: int, said: str
) -> None:
    asked = adabench("doctor", *words, env=toy_env)
    assert (asked.returncode, asked.stdout) == (code, "")
    assert said in asked.stderr
    assert "Traceback" not in asked.stderr


def test_doctor_names_what_of_a_selection_cannot_run(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra `real` is not installed")
    select = ("text/greedy", "text/rebase")

    def obstacles(*fixed: str) -> tuple[str, ...]:
        request = doctor.ForecastRequest(select, ("model=builtin", *fixed))
        return doctor.find_obstacles(doctor.selected_turns(request))

    assert obstacles() == ()
    (said,) = obstacles("judge=none")
    assert said.startswith("will be skipped: ")
    assert "text/rebase" in said
    assert "greedy" not in said
    (said,) = obstacles(f"data={tmp_path / 'absent.jsonl'}")
    assert said.startswith("There is no file")
    found = replace(examine(noise_s=0.01), obstacles=(said,))
    assert f"What cannot run\n  {said}" in doctor.page(found)
    assert found.to_json()["obstacles"] == (said,)
