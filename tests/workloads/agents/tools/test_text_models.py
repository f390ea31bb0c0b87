"""Models by name: cases in English, answers that are read strictly, a folder of Hugging Face, an endpoint good and bad."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from adabench.harness.errors import SelectionError
from adabench.harness.store import run_folder
from adabench.workloads.agents.tools import task as tools
from adabench.workloads.agents.tools.substrate.choice_script import Turn
from adabench.workloads.agents.tools.substrate.graph_catalogue import PAPER
from adabench.workloads.agents.tools.substrate.text_script import CORRECTION, TextScript
from adabench.workloads.agents.tools.truth.scenarios import Scenario, draw_case
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.contract import Chunk
from tests.workloads import local_server

from .conftest import method, point

NAME = "scripted"
CASE, _ = draw_case(0, 0, PAPER["support"], Scenario("support"))
CODEC = TextPieces()
SCRIPT = TextScript(CODEC)


def test_stages_tools_costs_and_results_are_in_the_words():
    text = CODEC.decode(SCRIPT.prompt(CASE))
    assert "Stage 2, refund: stripe (cost 1), razorpay (cost 2)\n" in text
    assert text.endswith("sms (cost 2)\nTool:")
    for status, says in (
        ("ok", "worked."),
        ("risk", "person"),
        ("down", "is down"),
        ("late", "in time"),
    ):
        assert says in CODEC.decode(SCRIPT.turn(CASE, Turn("stripe", status)))
    covered = replace(CASE, graph=PAPER["moderation"].with_cover(2))
    lines = CODEC.decode(SCRIPT.prompt(covered)).splitlines()
    assert [line.partition(", ")[2] for line in lines if line.startswith("Stage")][2:5] == [
        "reading: image (cost 1)", "reading: text (cost 2)", "reading: history (cost 3)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "verb"),
    [
        (" stripe\n", "call"),
        ("stripe\n", "call"),
        (" done\n", "done"),
        (" hand off\n", "hand_off"),
        (" Stripe\n", "corrected"),
        (" stripe.\n", "corrected"),
        (" call stripe\n", "corrected"),
        (" paypal\n", "corrected"),
        ("\n", "corrected"),
    ],
)
def test_an_answer_is_read_strictly(line, verb):
    ids = CODEC.encode(line)
    assert SCRIPT.step(CASE, Chunk(ids, (), "stop")).verb == verb
    assert SCRIPT.step(CASE, Chunk(ids, (), "length")).verb == "corrected", "a line that was cut"


def test_what_a_model_wrote_stays_and_an_end_is_a_line_s_end():
    wrote = CODEC.encode("  stripe\n")
    turn = SCRIPT.turn(CASE, Turn("stripe", "down", wrote))
    assert turn[: len(wrote)] == wrote
    ended = SCRIPT.turn(CASE, Turn("", "malformed", (*CODEC.encode(" well"), CODEC.end)))
    assert CODEC.decode(ended) == f" well\nResult: {CORRECTION}\nTool:"


@dataclass
class Endpoint:
    """A completions server whose model walks the stages; it may babble first, and answer rubbish from some request on."""

    babbles: int = 0
    """How many answers of each request of a case are no tool."""
    bad_from: int | None = None
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def line(self, text: str) -> str:
        """Return the model's next line for a request."""
        stages = re.findall(r"^Stage \d+, \w+: (.*)$", text, re.MULTILINE)
        named = [[tool.split(" ")[0] for tool in stage.split(", ")] for stage in stages]
        if text.endswith("Tools:"):
            return f" {', '.join(stage[0] for stage in named)}\n"
        if text.count(CORRECTION) < self.babbles:
            return " I would call the first tool.\n"
        down, worked = (re.findall(rf"^Result: (\w+) {said}", text, re.MULTILINE)
                        for said in ("is down", "worked"))  # fmt: skip
        if "person" in text:
            return " hand off\n"
        for stage in named:
            if not set(stage) & set(worked):
                return next((f" {tool}\n" for tool in stage if tool not in down), " hand off\n")
        return " done\n"

    def reply(self, body: dict) -> bytes:
        prompt = str(body["prompt"])
        text = "Request: " + prompt.rpartition("Request: ")[2]
        if "Stage" in text:
            head = text.partition("\n")[0]
            if head not in self.requests:
                self.requests.append(head)
            if self.bad_from is not None and self.requests.index(head) >= self.bad_from:
                return b"<html>not what was asked</html>"
        words = re.findall(r"\s*\S+|\s+$", self.line(text) + "made up " * 40)
        words = words[: body.get("max_tokens", 16)]
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


def solved(task, name):
    """Work on every case; return (case, scores, counts) of each."""
    found = []
    for case in task.cases():
        task.meter.clear()
        answer = method(name).solve(task, case, point(name))
        found.append((case, task.score(case, answer), dict(task.meter)))
    return found


def of_few(endpoint, count):
    """Return the task with the endpoint's model and the first cases of the paper's set, without deadlines."""
    task = tools.load("embedded", 0, instances=1, model=f"openai:{endpoint.url}#{NAME}")
    few = {"cases_": task.cases_[:count], "scenes": task.scenes[:count], "deadline_s": 0.0}
    return replace(task, **few)


def test_an_endpoint_that_walks_the_stages_is_asked_as_often_as_the_expert(endpoint, load):
    task, plain = of_few(endpoint, 7), load(instances=1)
    expert = solved(replace(plain, cases_=plain.cases_[:7]), "react")
    react = solved(task, "react")
    assert all(scores["correct"] for _, scores, _ in react)
    for (_, _, known), (_, _, counts) in zip(expert, react, strict=True):
        assert counts["control_calls"] == known["control_calls"]
        assert counts["malformed_calls"] == 0
        assert counts["generated"] > counts["discarded"] > 0
        assert counts["prefilled"] == 9 * counts["llm_calls"]
        assert "flops_counted" not in counts, "nobody sees a server work"
    plans = solved(task, "plan_once")
    assert [counts["llm_calls"] for _, _, counts in plans] == [1] * 7
    assert [scores["completed"] for _, scores, _ in plans] == [1] + [0] * 6
    assert all(scores["sound"] for _, scores, _ in plans)


def test_what_cannot_be_read_costs_a_call_and_the_model_is_told(endpoint):
    endpoint.babbles = 2
    task = of_few(endpoint, 3)
    for _, scores, counts in solved(task, "react"):
        assert scores["correct"]
        assert counts["malformed_calls"] == 2
    *_, (_, scores, counts) = solved(task, "self_healing_router")
    assert scores["correct"]
    assert (counts["llm_calls"], counts["malformed_calls"]) == (3, 2)
    endpoint.babbles = 1000
    ((_, scores, counts),) = solved(of_few(endpoint, 1), "react")
    assert counts["malformed_calls"] == counts["llm_calls"] == 30
    assert scores["declared"] == 1


@pytest.fixture
def shop(tmp_path):
    """A graph of one stage and two tools: three cases of subsets."""
    path = tmp_path / "shop.json"
    path.write_text(
        json.dumps({"domain": "shop", "stages": [{"title": "mail", "tools": ["a", "b"]}]})
    )
    return "--set", f"graph={path}", "--set", "set=subsets"


def test_rubbish_from_an_endpoint_ends_the_run_and_keeps_its_records(
    endpoint, command, shop, tmp_path
):
    endpoint.bad_from = 2
    done = command(
        "run", "tools/react", "--alone", "--no-sweep", "--model", f"openai:{endpoint.url}#{NAME}",
        *shop, "--seeds", 0, "--no-report", "--out", tmp_path / "r",
        env={"OPENAI_API_KEY": "sk-x"},
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "not a completion in JSON" in done.stderr
    assert "--resume" in done.stderr
    assert [record.values["correct"] for record in run_folder.records(tmp_path / "r")] == [1] * 2


@pytest.fixture(scope="module")
def longer_folder(llama_folder, tmp_path_factory):
    """The random Llama with room for a request and some calls."""
    folder = tmp_path_factory.mktemp("llama") / "longer"
    shutil.copytree(llama_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 1600}))
    return folder


def test_a_folder_of_hugging_face_s_is_asked_and_what_it_babbles_is_counted(
    llama_folder, longer_folder
):
    with pytest.raises(SelectionError, match="its context has 256"):
        tools.load("embedded", 0, instances=1, model=f"hf:{llama_folder}")
    task = tools.load("embedded", 0, instances=1, model=f"hf:{longer_folder}")
    task = replace(task, cases_=task.cases_[:1], scenes=task.scenes[:1])
    ((_, scores, counts),) = solved(task, "react")
    assert scores["declared"] == 1
    assert 1 < counts["llm_calls"] == counts["malformed_calls"] < 30, "until there is no room"
    assert counts["generated"] > 0 < counts["flops_counted"]
    ((_, scores, counts),) = solved(task, "plan_once")
    assert (counts["llm_calls"], counts["malformed_calls"]) == (1, 1)
    ((_, scores, counts),) = solved(task, "next_sibling")
    assert (scores["completed"], counts["llm_calls"], counts["flops_counted"]) == (1, 0, 0)


def test_a_name_that_is_none_is_a_sentence():
    for model, says in (
        ("likelihood", "writes nothing"),
        ("gpt", "names no model"),
        ("hf:./no-such", "no folder"),
    ):
        with pytest.raises(SelectionError, match=says):
            tools.check_conditions({"model": model})
    assert tools.missing_abilities({}) == {}
