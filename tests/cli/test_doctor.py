"""`adabench doctor` from the outside."""

import json
import subprocess
from pathlib import Path

import pytest

from adabench.cli.commands import doctor
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
    doctor.show_model(spec, None, None, as_json=False)
    page = capsys.readouterr().out
    for words in ("LlamaForCausalLM", "300 words", "256 words", "yes  score", "no   exact"):
        assert words in page
    doctor.show_model(spec, "cpu", "bfloat16", as_json=True)
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
    ],
)
def test_doctor_refuses_what_is_no_model(
    toy_env: dict[str, str], words: list[str], code: int, said: str
) -> None:
    asked = adabench("doctor", *words, env=toy_env)
    assert (asked.returncode, asked.stdout) == (code, "")
    assert said in asked.stderr
    assert "Traceback" not in asked.stderr


def test_a_plan_names_what_of_it_cannot_run(toy_env: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra `real` is not installed")

    def planned(*fixed: str) -> subprocess.CompletedProcess[str]:
        words = [word for one in ("model=builtin", *fixed) for word in ("--set", one)]
        return adabench(
            "run", "text/greedy", "text/rebase", "--alone", *words, "--dry-run", env=toy_env
        )

    assert (planned().returncode, planned().stderr) == (0, "")
    done = planned("judge=none")
    assert (done.returncode, "will be skipped: " in done.stderr) == (0, True)
    assert "text/rebase" in done.stderr
    assert "greedy" not in done.stderr
    done = planned(f"data={tmp_path / 'absent.jsonl'}")
    assert (done.returncode, "There is no file" in done.stderr) == (2, True)
