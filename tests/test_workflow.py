"""The example workflow is valid for GitHub, and its command is one that `adabench gate` takes.

The schema is SchemaStore's (Apache-2.0), as check-jsonschema 0.39.0 ships it.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

jsonschema = pytest.importorskip("jsonschema", reason="the schema check needs jsonschema")
yaml = pytest.importorskip("yaml", reason="the schema check needs PyYAML")

HERE = Path(__file__).parent
WORKFLOW = HERE.parent / "docs" / "examples" / "gate.yml"
PROGRAM = str(Path(sys.executable).with_name("adabench"))


def workflow() -> dict[str, Any]:
    # BaseLoader keeps the key `on` a string; YAML 1.1 would read it as true.
    return dict(yaml.load(WORKFLOW.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))


def problems(document: dict[str, Any]) -> list[str]:
    schema = json.loads((HERE / "data" / "github-workflow.schema.json").read_text())
    kind = jsonschema.validators.validator_for(schema)
    return [error.message for error in kind(schema).iter_errors(document)]


def typed() -> dict[str, Any]:
    found = dict(yaml.safe_load(WORKFLOW.read_text(encoding="utf-8")))
    found["on"] = found.pop(True)  # YAML 1.1 reads the key `on` as true
    return found


def test_the_example_is_a_valid_workflow() -> None:
    assert problems(typed()) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda job: job.pop("runs-on"),
        lambda job: job["steps"][0].update(wiht={"fetch-depth": 0}),
        lambda job: job["steps"].append({"name": "does nothing", "timeout-minutes": "soon"}),
    ],
)
def test_the_schema_finds_what_is_wrong(spoil: Any) -> None:
    document = typed()
    spoil(document["jobs"]["gate"])
    assert problems(document)


def step() -> dict[str, Any]:
    [found] = [s for s in workflow()["jobs"]["gate"]["steps"] if s.get("name") == "Gate"]
    return dict(found)


def test_its_command_is_one_that_the_program_takes(tmp_path: Path) -> None:
    words = shlex.split(step()["run"].replace("$BASE", "a").replace("$HEAD", "b"))
    assert words[:2] == ["adabench", "gate"]
    done = subprocess.run([PROGRAM, *words[1:]], cwd=tmp_path, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 2
    assert "git rev-parse failed" in done.stderr  # all words were read; there is no repository


def test_what_comes_from_outside_is_no_shell_code() -> None:
    for item in workflow()["jobs"]["gate"]["steps"]:
        assert "${{" not in item.get("run", "")
    checkout = workflow()["jobs"]["gate"]["steps"][0]
    assert checkout["with"]["fetch-depth"] == "0"


def test_the_documented_exit_codes_are_those_of_the_program() -> None:
    from adabench.cli import gating

    told = {int(code) for code in re.findall(r"(\d) [a-z]", WORKFLOW.read_text().split("name:")[0])}
    assert told >= {0, 1, 2, 3, 5}
    assert gating.__doc__
    assert {int(code) for code in re.findall(r"^ *(?:exit)? +(\d) ", gating.__doc__, re.MULTILINE)} == {
        0, 1, 2, 3, 5,
    }  # fmt: skip
