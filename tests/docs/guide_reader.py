"""A reader of the guides, who does what each page says in one folder: a package of one's own under git."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from docs import guide_page
from docs.guide_page import Block
from tests.docs.guide_server import NAMED
from tests.suite.waits import has_happened

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROGRAM = Path(sys.executable).with_name("adabench")
ACTION = ROOT / ".github" / "actions" / "gate" / "action.yml"
PAGES = (
    "start/install.md", "start/tour.md", "start/report.md", "guides/my_method.md", "guides/read_a_run.md",
    "guides/site.md", "guides/my_data.md", "guides/long_runs.md", "guides/my_model.md",
    "guides/my_endpoint.md", "guides/my_task.md", "guides/a_paper.md", "guides/ci_gate.md",
    "guides/compare.md", "guides/gpu_and_energy.md", "guides/cluster.md",
)  # fmt: skip
"""In the order in which a reader needs them: later pages read runs of earlier ones."""
Process = subprocess.CompletedProcess[str]


@dataclass
class Journey:
    """What became of every command of the guides, by page and line."""

    folder: Path
    replies: dict[tuple[str, str], Process] = field(default_factory=dict)
    host: str = ""
    """Host and port of the server that the pages have at `guide_server.NAMED`."""
    killed: bool = False
    """Whether the run of `guides/my_data.md` was ended before it was whole."""


def page_text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def action_step(name: str) -> dict[str, Any]:
    """A step of the composite action."""
    yaml = pytest.importorskip("yaml", reason="the action is read with PyYAML")
    document = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    [step] = [step for step in document["runs"]["steps"] if step.get("name") == name]
    return dict(step)


def bash(script: str, folder: Path, env: dict[str, str]) -> Process:
    """Run a script as a runner of Actions does."""
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(PROGRAM.parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **more}


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def package_with_a_change(folder: Path) -> None:
    """The package of the guide to tasks, and a branch with a change that is none of its code."""
    shutil.copytree(ROOT / "tests" / "plugin", folder, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "A task and its methods")
    git(folder, "switch", "--quiet", "-c", "words")
    (folder / "README.md").write_text("Square roots.\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "A page about it")


def follow(page: str, found: Journey, command: Callable[..., Process]) -> None:
    """Do what a page says."""
    text = page_text(page)
    for name, content in guide_page.files(text).items():
        (found.folder / name).write_text(content, encoding="utf-8")
    for block in guide_page.blocks(text):
        if block.language == "bash" and block.mark != "not run":
            for line in block.commands:
                found.replies[page, line] = reply(line, block, found, command)
        if block.language == "python" and not block.mark:
            script = found.folder / "snippet.py"
            script.write_text(block.text)
            words = [sys.executable, str(script)]
            found.replies[page, block.text] = subprocess.run(
                words, cwd=found.folder, capture_output=True, text=True, check=False
            )


def reply(line: str, block: Block, found: Journey, command: Callable[..., Process]) -> Process:
    """Run a line of a page with the words that make it small."""
    line = re.sub(r"\s#.*$", "", line).replace(NAMED, found.host)
    if ">" in shlex.split(line):
        return bash(line, found.folder, environment())
    program, *words = shlex.split(line)
    if program == "pytest":
        return bash(f"{sys.executable} -m {line}", found.folder, environment())
    assert program == "adabench", f"{line}: not run by this test"
    more = shlex.split(block.words)
    if words[:2] == ["gate", "--rev"]:
        return gate_by_action(words, block.words, found)
    if "requests.csv:url" in line:
        return killed_run([*words, *more], found)
    return command(*words, *more, env=keys(found))


def keys(found: Journey) -> dict[str, str]:
    """What a user of a server has set, so that litellm finds ours too."""
    base = f"http://{found.host}/v1"
    local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return {"OPENAI_API_KEY": "a-key", "OPENAI_BASE_URL": base, **local}


def gate_by_action(words: list[str], options: str, found: Journey) -> Process:
    """Run the gate of a page as the step of the action, which makes the same command of its inputs."""
    _, _, revisions, *methods = words
    base, _, head = revisions.partition("..")
    env = environment(
        BASE=base, HEAD=head, METHODS=" ".join(methods), OPTIONS=options, BUDGET="1m",
        AMBIGUOUS="notice", GITHUB_OUTPUT=str(found.folder / "outputs"), GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(found.folder / "summary.md"),
    )  # fmt: skip
    done = bash(action_step("Gate")["run"], found.folder, env)
    for name, side in (("before", "base"), ("after", "head")):
        (found.folder / "runs" / name).symlink_to(found.folder / "gate" / side)
    return done


def killed_run(words: list[str], found: Journey) -> Process:
    """Run a command, and kill all of its processes as soon as it has recorded something."""
    out = found.folder / words[words.index("--out") + 1]
    journal = out / "records.jsonl"
    with subprocess.Popen(
        [str(PROGRAM), *words], cwd=found.folder, env=environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        has_happened(lambda: journal.exists() and journal.stat().st_size, run)
        with contextlib.suppress(ProcessLookupError):  # it may have been faster
            os.killpg(run.pid, signal.SIGKILL)
        said, talk = run.communicate()
    found.killed = run.returncode == -signal.SIGKILL
    return subprocess.CompletedProcess(words, 0 if found.killed else run.returncode, said, talk)
