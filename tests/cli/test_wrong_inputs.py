"""What users get wrong, and what goes wrong for them: a sentence, a documented exit code, and no record is lost.

The codes are those of `harness/errors.py`.
"""

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.store import run_folder
from adabench.workloads.test_time.text.truth.line_index import LineIndex
from tests.cli.program import adabench
from tests.workloads import local_server
from tests.workloads.local_server import Reply

pytest.importorskip("openai", reason="the extra `serve` is not installed")
pytestmark = [pytest.mark.models, pytest.mark.usefixtures("in_process")]

ROW = '{"question": "How many are 1 and 1?", "answer": "2"}\n'
LOST = '{"question": "How many are lost?", "answer": "3"}\n'
FILES = {
    "ok.jsonl": ROW * 4,
    "lost.jsonl": ROW * 2 + LOST + ROW,
    "empty.jsonl": "",
    "twice.jsonl": ROW.replace("{", '{"id": 7, ') * 2,
    "half.jsonl": ROW + '{"question": "How many?"}\n',
    "others.jsonl": '{"prompt": "How many?", "target": "2"}\n' * 2,
    "latin.jsonl": b'{"question": "Gr\xf6\xdfe?", "answer": "2"}\n' * 2,
    "cut.jsonl": ROW + '{"question": "How\n',
    "deep.jsonl": f"{'[' * 100_000}\n" * 2,
    "words.jsonl": '{"question": "Where?", "answer": "Paris"}\n' * 2,
    "options.jsonl": '{"question": "Which?", "options": ["a", "b"], "answer": "B"}\n' * 2,
    "few.jsonl": '{"question": "Which?", "options": ["a"], "answer": "A"}\n' * 2,
    "table.csv": "question,answer\n1,2\n",
    "mine.py": "import nowhere\n",
    "own.py": "def right(text, answer):\n    return {'2': True}[answer]\n",
    "bare.txt": "Solve it.\n",
    "run.html": "<html></html>\n",
}  # fmt: skip
HTML: Reply = 200, b"<html>Welcome!</html>", {"Content-Type": "text/html"}
BUSY: Reply = 429, b'{"error": {"message": "Slow down."}}', {"retry-after-ms": "1"}
BROKEN: Reply = 500, b'{"error": {"message": "Out of memory."}}', {"retry-after-ms": "1"}
NO_TEMPLATE: Reply = 400, b'{"error": {"message": "The tokenizer has no chat template."}}', {}
KEYLESS: Reply = 401, b'{"error": {"message": "No key."}}', {}


@dataclass
class Server:
    """A completions server that has a fault, for everybody or for one question."""

    fault: Reply | None = HTML
    only: str = ""
    """What a prompt has that meets the fault; empty for all requests."""
    times: int = 1_000
    """So often."""
    seen: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, _: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> Reply | None:
        asked = json.dumps(body)
        if self.only in asked and self.times > 0:
            self.times -= 1
            return self.fault
        if body is None:
            return local_server.models("m")
        self.seen.append(body)
        if local_server.refused(body):
            return 400, b"{}", {}
        reply = local_server.completion("m", "Answer: 2\n", 4, body.get("n", 1), "stop")
        return 200, json.dumps(reply).encode(), {}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where everything is that the words below name."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "folder.jsonl").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def greedy(*words: object, **how: Any) -> Any:
    own = ("--alone", "--no-report", "--seeds", 0, "--out", "r")
    model = () if "--model" in words else ("--set", "model=builtin")
    return adabench("run", "text/greedy", *own, *model, *words, **how)


def check_sentence(done: Any, code: int, says: str) -> None:
    lines = [line for line in done.stderr.splitlines() if not line.startswith("What was recorded")]
    message = next(line for line in lines if line.startswith("adabench: "))
    assert done.returncode == code, done.stderr
    assert says in message
    assert lines.index(message) == len(lines) - 2, done.stderr  # its remedy is the last line
    assert "Traceback" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("--model opnai:http://127.0.0.1:9/v1#m", 2, "names no model"),
        ("--model openai:http://127.0.0.1:9/v1", 2, "which of the server's models"),
        ("--model openai:ftp://127.0.0.1/v1#m", 2, "ftp"),
        ("--model openai:http://127.0.0.1:9/v1#m", 3, "Nothing answers"),
        ("--model hf:./nowhere", 2, "There is no folder"),
        ("--data nowhere.jsonl", 2, "There is no file"),
        ("--data empty.jsonl", 2, "has no questions"),
        ("--data twice.jsonl", 2, "line 2 has the id '7', as twice.jsonl, line 1 has"),
        ("--data half.jsonl", 2, "line 2 has no field `answer`"),
        ("--data others.jsonl", 2, "has no field `question`. It has prompt, target"),
        ("--data latin.jsonl", 2, "not valid JSON in UTF-8"),
        ("--data cut.jsonl", 2, "line 2: this is not valid JSON"),
        ("--data deep.jsonl", 2, "line 1: this is not valid JSON"),
        ("--data table.csv", 2, "its name does not end in .jsonl"),
        ("--data folder.jsonl", 2, "is a folder"),
        ("--data .", 2, "is a folder"),
        ("--data bank:nowhere", 2, "is no bank"),
        ("--data ok.jsonl --set problems=9", 2, "has 4 questions, and 9 were asked for"),
        ("--data ok.jsonl --set level=hard", 2, "no questions of level 'hard'"),
        ("--data ok.jsonl --set grader=numbr", 2, "names no grader"),
        ("--data ok.jsonl --set grader=own.py:left", 2, "has no function 'left'"),
        ("--data ok.jsonl --set grader=mine.py:right", 2, "mine.py cannot be imported"),
        ("--data ok.jsonl --set grader=choice", 2, "line 1 has no options"),
        ("--data few.jsonl --set grader=choice", 2, "line 1 has no options to choose among"),
        ("--data options.jsonl", 2, "has options"),
        ("--data words.jsonl --set grader=number", 2, "is no number"),
        ("--data ok.jsonl --set prompt=bare.txt", 2, "no places for a question"),
        ("--data ok.jsonl --set prompt=none.txt", 2, "cannot be read"),
        ("--time-limit -5s", 2, "'-5s' is not a time"),
        ("--set room=-1", 2, "out of range"),
        ("--set sampling_temperature=nan", 2, "must be a finite number"),
        ("--set knobb=1", 2, "has a knob or condition called 'knobb'"),
        ("--judge hf:./nowhere", 2, "There is no folder"),
        ("--judge liklihood", 2, "names no judge"),
        ("--out ok.jsonl", 3, "cannot be written"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_a_run_begins(
    words: str, code: int, says: str, folder: Path
) -> None:
    check_sentence(greedy(*words.split()), code, says)
    assert not (folder / "r").exists()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("run text/greddy", 2, "There is no method"), ("run txet", 2, "No task matches"),
        ("run --resume nowhere", 3, "is not a run"), ("report nowhere", 3, "is not a run"),
        ("compare nowhere ok.jsonl", 3, "is not a run"),
        ("compare ok.jsonl ok.jsonl", 2, "line 1 is no sample of lm-eval"),
        ("compare run.html run.html", 2, "line 1: this is not valid JSON"),
        ("advise --time -5m", 2, "is not a time"), ("advise --price in=x", 2, "are no prices"),
    ],
)  # fmt: skip
def test_so_are_other_verbs(words: str, code: int, says: str) -> None:
    check_sentence(adabench(*words.split()), code, says)


@pytest.mark.parametrize(
    ("fault", "scheme", "says"),
    [
        (HTML, "openai", "The server sent"), (BUSY, "openai", "(429)"), (BROKEN, "openai", "(500"),
        (KEYLESS, "openai", "refuses the key (401)"), (None, "openai", "Nothing answers"),
        (NO_TEMPLATE, "chat", "The tokenizer has no chat template"),
    ],
)  # fmt: skip
def test_a_server_that_is_none_is_refused_before_a_run_begins(
    fault: Reply | None, scheme: str, says: str, folder: Path
) -> None:
    with local_server.serve(Server(fault).answer) as url:
        check_sentence(greedy("--model", f"{scheme}:{url}#m", "--data", "ok.jsonl"), 3, says)
    assert not (folder / "r").exists()


def greedy_of(server: Server, *words: object) -> Any:
    """Ask the four questions of which the third is lost."""
    with local_server.serve(server.answer) as url:
        four = ("--data", "lost.jsonl", "--set", "problems=4", "--model", f"openai:{url}#m")
        return greedy(*four, *words)


def statuses(folder: Path) -> list[str]:
    return [record.status for record in run_folder.records(folder / "r")]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param(None, "Nothing answers", marks=pytest.mark.thorough),
        pytest.param(HTML, "The server sent", marks=pytest.mark.thorough),
        (BUSY, "after 4 tries (429)"),
        pytest.param(BROKEN, "(500", marks=pytest.mark.thorough),
    ],
)  # fmt: skip
def test_a_fault_in_mid_run_ends_it_and_loses_nothing(
    fault: Reply | None, says: str, folder: Path
) -> None:
    done = greedy_of(Server(fault, "lost"))
    check_sentence(done, 3, says)
    assert "go on with: adabench run --resume r" in done.stderr
    assert statuses(folder) == ["ok", "ok"]


def test_a_server_that_is_busy_for_a_moment_is_asked_again(folder: Path) -> None:
    server = Server(BUSY, "lost", times=2)
    done = greedy_of(server)
    assert done.returncode == 0, done.stderr
    assert statuses(folder) == ["ok"] * 4
    assert server.times == 0
    assert any("lost" in json.dumps(body) for body in server.seen)


def test_a_grader_that_fails_ends_the_run_and_is_not_changed_within_it(folder: Path) -> None:
    done = greedy_of(Server(only="nothing"), "--set", "grader=own.py:right")
    check_sentence(done, 2, "right of own.py failed on the completion 'Answer: 2")
    assert statuses(folder) == ["ok", "ok"]
    (folder / "own.py").write_text("def right(text, answer):\n    return answer in text\n")
    resumed = adabench("run", "--resume", "r", "--no-report")
    check_sentence(resumed, 3, "started under other conditions: own.py")
    assert statuses(folder) == ["ok", "ok"]


def test_a_full_disk_ends_the_run_and_what_was_written_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, journal = os.write, folder / "r" / run_folder.RECORDS

    def fill(descriptor: int, data: bytes) -> int:
        if journal.exists() and os.fstat(descriptor).st_ino == journal.stat().st_ino:
            lines = journal.read_bytes().count(b"\n") if journal.stat().st_size else 0
            if lines >= 3:
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", fill)
    check_sentence(greedy_of(Server(only="nothing")), 3, "No space left on device")
    monkeypatch.undo()
    assert set(statuses(folder)) == {"ok"}


def test_a_file_that_nobody_may_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(LineIndex, "lines", refuse)
    check_sentence(greedy("--data", "ok.jsonl"), 2, "ok.jsonl cannot be read: Permission denied")
