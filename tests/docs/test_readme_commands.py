"""Every command line in a block of the README is run, in its order, in one folder of a reader's; or it says why not."""

import contextlib
import gzip
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from docs import guide_page
from tests.docs.conftest import REQUESTS, model_with_room
from tests.docs.guide_reader import ROOT, Journey, Process, bash, environment, keys, page_text
from tests.docs.guide_server import NAMED, planted

README = ROOT / "README.md"
SMALL = "--alone --no-report --set slots=50 --seeds 0"
FEW = f"{SMALL} --no-sweep --set requests=500"
PLAN = "--dry-run"
"""What it is checked and planned is seen here; the guides run it on two methods."""
MORE = {
    "adabench run 'paging/*'": FEW.removeprefix("--alone "),
    "adabench run paging/lru": f"{SMALL} --out runs/own",
    "adabench run text --model hf": PLAN,
    "adabench run text --model openai": PLAN,
    "adabench run pretrained": PLAN,
    "adabench run ./mine.py": f"{FEW} --out runs/method",
}
"""By how a command begins: words behind it that make it small."""
NOT_RUN = {
    "adabench advise": "tests/docs/test_guides.py runs it on questions of one's own",
    "adabench tour": "needs a minute of two cores; tests/harness/plan/test_tour.py plans it",
    "adabench gate": "tests/docs/test_user_jobs.py runs it on the method of a package",
}


def lines() -> list[str]:
    blocks = re.findall(
        r"^```\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    found = [re.sub(r"\s#.*$", "", line).strip() for line in "\n".join(blocks).splitlines()]
    return [line for line in found if line.startswith("adabench ")]


def words_behind(line: str, table: dict[str, str]) -> str:
    return next((words for start, words in table.items() if line.startswith(start)), "")


def equip(folder: Path, llama_folder: Path) -> None:
    """Put what the README takes for granted into a folder: a model, questions, a log, a text."""
    model_with_room(llama_folder, folder / "my-llama")
    questions = guide_page.files(page_text("guides/my_model.md"))["mine.jsonl"]
    (folder / "mine.jsonl").write_text(questions)
    urls = "\n".join(["url", *(f"/page/{number * number % 97}" for number in range(REQUESTS))])
    (folder / "requests.csv.gz").write_bytes(gzip.compress(urls.encode()))
    (folder / "corpus.txt").write_text("It was a text of many words.\n" * 900)


@pytest.mark.thorough  # the guides run most of these commands in `make test`
@pytest.mark.xdist_group("paging")
def test_what_the_readme_says_to_run_runs(
    command: Callable[..., Process], llama_folder: Path, tmp_path: Path
) -> None:
    equip(tmp_path, llama_folder)
    with planted() as host, contextlib.chdir(tmp_path):
        for line in lines():
            if words_behind(line, NOT_RUN):
                continue
            if line.startswith("adabench compare"):
                shutil.copytree("runs/mine", "runs/base")
            whole = f"{line.replace(NAMED, host)} {words_behind(line, MORE)}"
            if (
                " runs/*" in line or " ./mine.py" in line
            ):  # a glob; a process in which nothing checked it
                done = bash(whole, tmp_path, environment())
            else:
                env = keys(Journey(tmp_path, host=host))
                done = command(*shlex.split(whole)[1:], env=env)
            assert done.returncode == 0, f"{whole}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr


def test_every_row_of_the_tables_is_of_a_line_and_every_reason_of_a_test() -> None:
    assert len(lines()) > 15
    for start in (*MORE, *NOT_RUN):
        assert sum(line.startswith(start) for line in lines()) == 1, start
    for reason in NOT_RUN.values():
        [test] = re.findall(r"tests/[\w/]+\.py", reason)
        assert (ROOT / test).is_file()
