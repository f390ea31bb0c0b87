"""Providers by litellm, whose address is a planted server: the answers of a chat server, and refusals by name."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("litellm", reason="the extra `litellm` is not installed")

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.shared.language_model.backends.litellm_protocol import Provider
from adabench.workloads.shared.language_model.backends.openai_protocol import ServerProblem
from adabench.workloads.shared.sources import server_findings
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.text import task as text
from tests.workloads import local_server
from tests.workloads.test_time.text.test_chat_servers import NAME, THINK, Talker, solved

pytestmark = pytest.mark.filterwarnings("ignore")  # of litellm's own
BODY = {"model": "x", "messages": [{"role": "user", "content": "Problem: 3 + 4"}], "max_tokens": 8}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What opening litellm leaves set."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")


@pytest.fixture
def talker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Talker]:
    """A server that litellm reaches as its provider `openai`."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-mine")
    found = Talker(spec=f"litellm:openai/{NAME}")
    with local_server.serve(found.reply) as found.url:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        yield found


@pytest.mark.parametrize(("manner", "generated"), [("plain", 12), ("apart", 12 + THINK)])
def test_an_answer_and_its_tokens_are_those_of_the_provider(
    talker: Talker, manner: str, generated: int
) -> None:
    talker.manner = manner
    judged, counts = solved(talker, "majority", N=3)
    assert judged["accuracy"] == 1.0
    assert (counts["requests"], counts["generated"]) == (3, 3 * generated)
    assert len({body["seed"] for body in talker.seen if "seed" in body}) == 3
    assert {body["model"] for body in talker.seen} == {NAME}


def test_what_needs_more_than_whole_answers_is_missed_by_name_before_a_run(talker: Talker) -> None:
    lacks = text.missing_abilities({"model": talker.spec})
    assert {"steps", "scores", "logprobs", "hidden", "draft", "pool"} <= lacks.keys()
    assert "samples" not in lacks


def test_a_provider_that_counts_nothing_is_refused(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_findings, "_found", {})  # what a server of this address did before
    talker.manner = "uncounted"
    with pytest.raises(ServerProblem, match="does not say how many tokens"):
        text.missing_abilities({"model": talker.spec})


def test_a_seed_is_left_out_where_the_provider_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import litellm

    asked: list[dict[str, Any]] = []

    def completion(**words: Any) -> Any:
        asked.append(words)
        return litellm.mock_completion("x", [], mock_response="Answer: 7")

    monkeypatch.setattr(litellm, "completion", completion)
    for name in ("anthropic/claude-3-5-haiku-latest", "openai/gpt-4o"):
        assert Provider(name).talk({**BODY, "seed": 3}).content == "Answer: 7"
    assert [("seed" in words, words["model"]) for words in asked] == [
        (False, "anthropic/claude-3-5-haiku-latest"), (True, "openai/gpt-4o"),
    ]  # fmt: skip


def test_what_is_wrong_is_said_before_a_run_and_no_key_is_quoted(
    talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SelectionError, match="names no model"):
        model_spec("litellm:gpt-4o")
    with pytest.raises(SelectionError, match="knows no provider"):
        Provider("nonesuch/x").check()
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(EnvironmentProblem, match="not set: OPENAI_API_KEY"):
        Provider(f"openai/{NAME}").check()
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-mine")
    refusal = b'{"error": {"message": "no a-key-of-mine here"}}'
    with local_server.serve(lambda handler, body: (422, refusal, {})) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        with pytest.raises(ServerProblem, match="422") as refused:
            Provider(f"openai/{NAME}", retries=0).talk(BODY)
    assert "a-key-of-mine" not in refused.value.message
