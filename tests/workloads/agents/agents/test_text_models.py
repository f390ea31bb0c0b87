"""Models by name: the worlds in English, tools in text, a folder of Hugging Face, an endpoint good and bad."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.store import run_folder
from adabench.workloads.agents.agents import task as agents
from adabench.workloads.agents.agents.truth.text_answers import answer_text, question_text
from adabench.workloads.agents.substrate.action_words import K1
from adabench.workloads.agents.substrate.fault_plans import NO_FAULTS, FaultPlan, draw_faults
from adabench.workloads.agents.substrate.serving.article_world import ArticleIndex, name_of
from adabench.workloads.agents.substrate.serving.branches import TextBranches
from adabench.workloads.agents.substrate.serving.text_script import TextScript, read_answer
from adabench.workloads.agents.substrate.serving.text_tools import (
    DOWN,
    NOTHING,
    TextTools,
    calculated,
)
from adabench.workloads.agents.substrate.worlds import World, WorldRules
from adabench.workloads.agents.truth.problems import draw_problem
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.programs import confined_python
from adabench.workloads.shared.programs.confined_python import run_python
from tests.suite.waits import wait_until
from tests.workloads import local_server

CLEAN = WorldRules(ambiguity=0.0)
NAME = "scripted"


@pytest.fixture
def problem():
    return draw_problem("kb", 3, 5, "held-out", CLEAN)


def test_an_index_on_disk_has_the_facts_of_the_way_and_its_sentences_are_found(problem, tmp_path):
    index = ArticleIndex(problem.world, tmp_path / "articles.sqlite")
    assert (tmp_path / "articles.sqlite").stat().st_size > 0
    for here, there, relation in zip(
        problem.trail, problem.trail[1:], problem.relations, strict=False
    ):
        asked = question_text(problem).partition("Take ")[2].partition(". ")[0]
        word = asked.replace("the ", "").split(", then ")[problem.relations.index(relation)]
        (said, *_) = index.matches(f"{word} of {name_of(here)}")
        assert said == f"The {word} of {name_of(here)} is {name_of(there)}."
    assert index.matches("the of") == index.matches('mentor of "Nobody* Else') == []
    index.close()


def test_a_world_of_one_entity_is_searched_in_vain():
    tools = TextTools(World(1, "held-out", CLEAN, {}), draw_faults(1, NO_FAULTS))
    assert tools.call("search", "mentor of Ada Birch").text == NOTHING
    tools.close()


def test_faults_lie_below_the_tools(problem):
    tools = TextTools(problem.world, FaultPlan(3, frozenset((K1,))))
    assert tools.call("search", "anything").text == DOWN
    assert tools.call("calc", "1 + 1").text == "2"
    assert "no tool 'fly'" in tools.call("fly", "").text
    late = TextTools(problem.world, FaultPlan(3, timeout=1.0))
    assert late.call("calc", "1 + 1").failed
    assert late.call("calc", "1 + 1").late_s > 0
    tools.close()


@pytest.mark.parametrize(
    ("text", "value"),
    [("(7 + 4) * 2 % 10", "2"), ("-3 + 10", "7"), ("2 * (3 + (4 - 1))", "12"), ("9", "9")],
)
def test_a_calculator_of_our_own(text, value):
    assert calculated(text) == value


@pytest.mark.parametrize(
    "text", ["", "1 +", "(1", "1 % 0", "__import__('os')", "1 2", "9 ** 9" * 99]
)
def test_what_is_no_expression_is_a_sentence(text):
    assert calculated(text).startswith("That is no")


def test_python_runs_apart_and_prints_or_says_how_it_failed():
    assert run_python("print(6 * 7, 'é', __name__)") == ("42 é __main__", True)
    assert run_python("raise ValueError('no')")[0] == "ValueError: no"
    assert run_python("1 +")[0] == "SyntaxError: invalid syntax"
    assert run_python("print('x' * 10**9)")[0].endswith("MemoryError")
    assert run_python("import os, sys; print(len(os.environ) < 5, sys.argv)") == (
        "True ['-c']",
        True,
    )


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "while True:\n    try:\n        1 / 0\n    except BaseException: pass",
        "sum(1 for _ in iter(int, 1))",
        "import time\nfor _ in range(9): time.sleep(0.25)",
        "from time import sleep; sleep(60)",
        "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)",  # as the kernel ends what spins
    ],
)
def test_what_python_takes_is_counted_and_ends_at_its_limit(code):
    assert run_python(code, 10_000) == ("", False)


def test_what_python_prints_depends_on_no_clock_and_no_order_of_a_set():
    few = "import time\nfor _ in range(8): time.sleep(0.25)\nfor i in range(900): pass\nprint(i)"
    assert run_python(few, 10_000) == ("899", True)
    assert run_python(few, 1_000) == ("", False)
    names = "print({'ada', 'birch', 'cole', 'dune', 'elm'}, hash('x'))"
    assert run_python(names) == run_python(names)
    assert (
        run_python("import resource; print(resource.getrlimit(resource.RLIMIT_CPU)[0] > 9)")[0]
        == "True"
    )


def test_code_that_waits_for_nothing_failed_and_code_that_was_starved_is_no_answer(monkeypatch):
    monkeypatch.setattr(confined_python, "PATIENCE_S", 0.0)
    for is_asleep in (True, False):
        monkeypatch.setattr(confined_python, "_is_asleep", lambda pid, found=is_asleep: found)
        if is_asleep:
            assert run_python("import threading; threading.Event().wait()") == ("", False)
        else:
            with pytest.raises(EnvironmentProblem, match="too little of this machine") as raised:
                run_python("import threading; threading.Event().wait()")
            assert raised.value.ends_run


def test_a_process_that_waits_is_told_from_one_that_does_not():
    assert not confined_python._is_asleep(os.getpid())
    with subprocess.Popen(["sleep", "infinity"]) as waiting:
        try:
            wait_until(lambda: confined_python._is_asleep(waiting.pid), waiting)
        finally:
            waiting.kill()
    assert not confined_python._is_asleep(waiting.pid)


def test_lines_are_read_as_calls_answers_and_what_is_neither():
    script = TextScript(TextPieces())

    def due(text):
        return script.is_due(script.words(text))

    assert due("Action: search[a b]\n")
    assert not due("Action: search[a b]")
    assert not due("Action: search[a b]\nObservation: x\n")
    assert script.goes_on(script.words("I think\n"))
    assert not script.goes_on(script.words("Answer: 4\n"))
    said = script.result(None, script.words("Action: what\n"))
    assert said.failed
    assert "Write one call" in TextPieces().decode(said.words)
    assert read_answer("Step 1: x\nAnswer: Ada  Birch.\nAnswer: other\n") == "ada birch"
    assert read_answer("no") is None
    assert script.stated(script.words("Answer: fail\n")) is None
    bad = TextPieces().decode(script.judged_bad(script.words("Answer: 4\nVerdict: ok\n")))
    assert bad == "Answer: 4\nVerdict: bad\n"
    with pytest.raises(SelectionError, match="no mode"):
        script.opening("chk")


def test_a_question_in_english_has_the_answer_of_its_world(problem):
    assert name_of(problem.trail[0]) in question_text(problem)
    assert answer_text(problem) == name_of(problem.trail[-1]).lower()
    assert answer_text(problem) not in question_text(problem).lower()
    for family in ("mix", "arith"):
        other = draw_problem(family, 3, 5, "held-out", CLEAN)
        assert answer_text(other) == str(other.values[-1])
        assert "modulo 10" in question_text(other)


@dataclass
class Endpoint:
    """A completions server whose model follows a question hop by hop; it may answer rubbish from some prompt on."""

    bad_from: int | None = None
    payload: bytes = b"<html>not what was asked</html>"
    tasks: list[str] = field(default_factory=list)
    url: str = ""

    def line(self, prompt: str) -> str:
        """Return the model's next line."""
        question = prompt.rpartition("Question: ")[2]
        found = re.match(r"Start at (\w+ \w+)\. Take (.*?)\. Who", question)
        if not found:
            return " ok"
        who, asked = found[1], found[2].replace("the ", "").split(", then ")
        forced = "" if question.endswith(":") else "Action:"
        for relation in asked:
            said = re.search(rf"The {relation} of {who} is (\w+ \w+)\.", question)
            if said is None:
                return f"{forced} search[{relation} of {who}]\n"
            who = said[1]
        return f"Answer: {who}\n"

    def reply(self, body: dict) -> bytes:
        prompt = body["prompt"] if isinstance(body["prompt"], str) else str(body["prompt"])
        if "Start at" in prompt.rpartition("Question: ")[2]:
            question = prompt.rpartition("Question: ")[2].partition("\n")[0]
            if question not in self.tasks:
                self.tasks.append(question)
            if self.bad_from is not None and self.tasks.index(question) >= self.bad_from:
                return self.payload
        text = self.line(prompt) + "Observation: made up " * 40
        words = re.findall(r"\s*\S+|\s+$", text)[: body.get("max_tokens", 16)]
        said = local_server.completion(NAME, "".join(words), len(words), body.get("n", 1))
        return json.dumps(said).encode()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    own = Endpoint()

    def answer(_: object, body: dict | None) -> local_server.Reply:
        if body is None:
            return local_server.models(NAME)
        return 400 if local_server.refused(body) else 200, own.reply(body), {}

    with local_server.serve(answer) as own.url:
        yield own


def test_an_endpoint_that_writes_calls_is_answered_by_real_tools(endpoint):
    where = agents.load(
        "embedded", 0, requests=2, kinds="kb3", ambiguity=0.0, faults="none",
        model=f"openai:{endpoint.url}#{NAME}",
    )  # fmt: skip
    (stream,) = where.cases()
    react = registry.load(registry.find("agents/react"))
    scores = where.score(stream, react.solve(where, stream, react.CARD.defaults))
    assert scores["accuracy"] == 1.0
    assert where.meter["tool_calls"] == 3
    assert where.meter["llm_calls"] == 4
    assert "flops_counted" not in where.meter


def test_a_malformed_answer_of_an_endpoint_is_a_sentence_and_records_are_kept(
    endpoint, command, tmp_path
):
    endpoint.bad_from = 2
    done = command(
        "run", "agents/react", "--alone", "--defaults", "--model", f"openai:{endpoint.url}#{NAME}",
        "--set", "requests=1", "--set", "kinds=kb2,kb3,kb4", "--set", "ambiguity=0", "--set",
        "faults=none", "--seeds", 0, "--no-report", "--out", tmp_path / "r",
        env={"OPENAI_API_KEY": "sk-x"},
    )  # fmt: skip
    assert done.returncode == 3
    assert "not a completion in JSON" in done.stderr
    assert "--resume" in done.stderr
    found = {record.group: record for record in run_folder.records(tmp_path / "r")}
    assert {kind: record.values["accuracy"] for kind, record in found.items()} == {
        "kb2": 1,
        "kb3": 1,
    }


def test_a_folder_of_hugging_faces_runs_and_a_cache_changes_what_is_read(llama_folder, tmp_path):
    pytest.importorskip("transformers", reason="the extra `real` is not installed")
    longer = tmp_path / "longer"
    shutil.copytree(llama_folder, longer)
    config = json.loads((longer / "config.json").read_text())
    (longer / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 2048}))
    with pytest.raises(SelectionError, match="words"):
        agents.load("embedded", 0, requests=2, kinds="kb2", model=f"hf:{llama_folder}")
    where = agents.load("embedded", 0, requests=1, kinds="kb2", model=f"hf:{longer}")
    (stream,) = where.cases()
    react = registry.load(registry.find("agents/react"))
    where.meter.clear()
    scores = where.score(stream, react.solve(where, stream, react.CARD.defaults))
    assert scores["accuracy"] == 0
    assert where.meter["flops_counted"] > 0
    engine, read = where.model.engine, {}
    for reuse in (True, False):
        engine.reset(Costs())
        branches = TextBranches(engine, reuse=reuse)
        seq = branches.open(stream.prompts[0][:40], (7, 8), 3)
        for _ in range(2):
            branches.begin_call(seq)
            branches.decode([seq], frozenset(), [5], 0.0)
            branches.append([seq], [(9, 9, 9)])
        read[reuse] = engine.costs.meter["prefilled"], len(seq.ids)
        branches.close([seq])
    assert read == {True: (42 + 6, 58), False: (42 + 50, 58)}


def test_a_model_lacks_a_head_and_a_name_that_is_none_is_a_sentence(llama_folder):
    lacks = agents.missing_abilities({"model": f"hf:{llama_folder}"})
    assert "no head" in lacks["values"][0]
    assert "no planner" in lacks["plans"][0]
    assert "read no table" in lacks["table"][0]
    for model in ("likelihood", "gpt", "hf:"):
        with pytest.raises(SelectionError):
            agents.check_conditions({"model": model})
    with pytest.raises(SelectionError, match="no folder"):
        agents.check_conditions({"model": "hf:./no-such-model"})
