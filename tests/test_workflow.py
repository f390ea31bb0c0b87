"""Workflows and the gate's action are valid for GitHub and harmless, and the action makes a command that a gate takes.

The schemas are SchemaStore's (Apache-2.0), as check-jsonschema 0.39.0 ships them. That the action's gate
passes unchanged code is seen in tests/docs/test_user_jobs.py.
"""

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.docs.guide_reader import ACTION, action_step, bash, environment

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

jsonschema = pytest.importorskip("jsonschema", reason="the schema check needs jsonschema")
yaml = pytest.importorskip("yaml", reason="the schema check needs PyYAML")

HERE = Path(__file__).parent
ROOT = HERE.parent
EXAMPLE = ROOT / "docs" / "examples" / "gate.yml"
OURS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
INPUTS = {"METHODS": "paging/*", "BUDGET": "5m", "AMBIGUOUS": "notice", "BASE": "a", "HEAD": "b"}


def workflow(path: Path = EXAMPLE) -> dict[str, Any]:
    # BaseLoader keeps the key `on` a string; YAML 1.1 would read it as true.
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))


def problems(document: dict[str, Any], of: str = "workflow") -> list[str]:
    schema = json.loads((HERE / "data" / f"github-{of}.schema.json").read_text())
    kind = jsonschema.validators.validator_for(schema)
    return [error.message for error in kind(schema).iter_errors(document)]


def typed(path: Path = EXAMPLE) -> dict[str, Any]:
    found = dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    found["on"] = found.pop(True)  # YAML 1.1 reads the key `on` as true
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", [EXAMPLE, *OURS], ids=lambda path: path.name)
def test_the_workflow_is_valid(path: Path) -> None:
    assert problems(typed(path)) == []


@pytest.mark.parametrize("path", [EXAMPLE, *OURS], ids=lambda path: path.name)
def test_what_comes_from_outside_is_no_shell_code(path: Path) -> None:
    for item in steps(path):
        assert "${{" not in item.get("run", "")


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_workflow_may_read_and_no_more(path: Path) -> None:
    document = workflow(path)
    assert document["permissions"] == {"contents": "read"}
    wider = {name: job["permissions"] for name, job in document["jobs"].items()
             if "permissions" in job}  # fmt: skip
    assert wider == ({"publish": {"id-token": "write"}} if path.stem == "release" else {})


def test_the_three_workflows_are_there() -> None:
    assert {path.stem for path in OURS} >= {"test", "docs", "release"}


def test_tests_run_on_every_python_that_the_project_promises() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = {line.rpartition(" ")[2] for line in project["classifiers"] if ":: 3." in line}
    jobs = workflow(ROOT / ".github" / "workflows" / "test.yml")["jobs"]
    assert set(jobs["test"]["strategy"]["matrix"]["python-version"]) == promised
    assert len(promised) >= 3
    assert "make check" in [step.get("run") for step in jobs["check"]["steps"]]


def test_workflows_call_only_what_the_makefile_has() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    runs = [step["run"] for path in OURS for step in steps(path) if "run" in step]
    runs.append((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    called = {
        name
        for text in runs
        for name in re.findall(r"^(?:exec )?make ([a-z]+)", text, re.MULTILINE)
    }
    assert {"check", "test", "docs"} <= called
    assert called <= targets


def test_the_citation_agrees_with_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == [{"name": "The adabench maintainers"}]


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


def action() -> dict[str, Any]:
    return dict(yaml.safe_load(ACTION.read_text(encoding="utf-8")))


def step() -> dict[str, Any]:
    """The example's step that uses the action."""
    [found] = [s for s in workflow()["jobs"]["gate"]["steps"] if s.get("name") == "Gate"]
    return dict(found)


def test_the_action_is_valid_and_what_comes_from_outside_is_no_shell_code() -> None:
    document = action()
    assert problems(document, "action") == []
    scripts = [part["run"] for part in document["runs"]["steps"] if "run" in part]
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document.pop("runs"),
        lambda document: document["runs"].update(using="composit"),
        lambda document: [part.pop("shell", None) for part in document["runs"]["steps"]],
    ],
)
def test_the_schema_of_actions_finds_what_is_wrong(spoil: Any) -> None:
    document = action()
    spoil(document)
    assert problems(document, "action")


def test_the_example_gives_the_action_what_it_takes() -> None:
    inputs = action()["inputs"]
    assert (ROOT / step()["uses"] / "action.yml") == ACTION
    assert set(step()["with"]) <= set(inputs)
    assert {name for name, about in inputs.items() if about.get("required")} <= set(step()["with"])
    used = set(re.findall(r"\${{ inputs\.([a-z-]+) }}", ACTION.read_text()))
    assert used == set(inputs)


def test_its_command_is_one_that_the_program_takes(tmp_path: Path) -> None:
    options = step()["with"]["options"]
    env = environment(**INPUTS, OPTIONS=options, GITHUB_OUTPUT=str(tmp_path / "outputs"))
    done = bash(action_step("Gate")["run"], tmp_path, env)
    assert done.returncode == 2
    assert "git rev-parse failed" in done.stderr  # all words were read; there is no repository
    assert (tmp_path / "outputs").read_text() == "exit-code=2\n"


@pytest.mark.parametrize(
    ("code", "ambiguous", "ends"),
    [(0, "notice", 0), (1, "notice", 1), (3, "notice", 3), (5, "notice", 0), (5, "fail", 5)],
)
def test_ambiguous_is_a_notice_and_fails_only_if_asked_to(
    code: int, ambiguous: str, ends: int, tmp_path: Path
) -> None:
    """A program that ends with a code and says its words stands in for the gate's measuring."""
    program = tmp_path / "adabench"
    program.write_text(f'#!/bin/sh\nprintf "<%s>" "$@"\nexit {code}\n')
    program.chmod(0o755)
    env = environment(
        **INPUTS | {"AMBIGUOUS": ambiguous}, OPTIONS="--margin latency_s=3%",
        GITHUB_OUTPUT=str(tmp_path / "outputs"),
    )  # fmt: skip
    env["PATH"] = f"{tmp_path}:{env['PATH']}"
    done = bash(action_step("Gate")["run"], tmp_path, env)
    assert done.returncode == ends
    words = "<gate><--rev><a..b><paging/*><--budget><5m><--junit><gate.xml><--out><gate><--margin><latency_s=3%>"
    assert done.stdout.startswith(words)
    assert (tmp_path / "outputs").read_text() == f"exit-code={code}\n"
    assert ("::notice title=adabench gate::Ambiguous" in done.stdout) == (code == 5 and ends == 0)


def test_the_hook_and_the_jobs_run_commands_that_the_program_takes() -> None:
    from typer.testing import CliRunner

    from adabench.cli.main import app

    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["id"] == "adabench-check"
    job, ray = (
        yaml.safe_load((ROOT / "docs" / "examples" / name).read_text())
        for name in ("job.yml", "rayjob.yml")
    )
    (script,) = job["spec"]["template"]["spec"]["containers"][0]["args"]
    said = "\n".join([hook["entry"] + " x", script, ray["spec"]["entrypoint"]])
    commands = re.findall(r"adabench ((?:check|run) .+)", said)
    assert len(commands) == 4
    for command in commands:
        assert CliRunner().invoke(app, [*shlex.split(command), "--help"]).exit_code == 0, command
    assert job["kind"] == "Job"
    assert ray["kind"] == "RayJob"


def test_the_example_fetches_both_revisions() -> None:
    checkout = workflow()["jobs"]["gate"]["steps"][0]
    assert checkout["with"]["fetch-depth"] == "0"


def test_the_documented_exit_codes_are_those_of_the_program() -> None:
    from adabench.cli.commands import gate

    told = {int(code) for code in re.findall(r"(\d) [a-z]", ACTION.read_text().split("name:")[0])}
    assert told >= {0, 1, 2, 3, 5}
    assert gate.__doc__
    assert {int(code) for code in re.findall(r"^ *(?:exit)? +(\d) ", gate.__doc__, re.MULTILINE)} == {
        0, 1, 2, 3, 5,
    }  # fmt: skip
