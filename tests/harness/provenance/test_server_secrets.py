"""Addresses lose what must not be written down, and whoever connects still has it."""

import base64

import pytest

from adabench.harness.notebook.run_arguments import fixed_words
from adabench.harness.provenance.server_secrets import VARIABLE, hidden, secret_of, without_secrets

FULL = "openai:http://ann:p%40ss-word@127.0.0.1:9/v1?key=K-77-K&v=1#m"
CLEAN = "openai:http://127.0.0.1:9/v1#m"


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "{}")


def test_user_and_query_are_cut_and_found_by_the_address_that_is_left() -> None:
    assert without_secrets(FULL) == CLEAN
    for url in ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1/"):
        secret = secret_of(url)
        assert secret.parameters == {"key": "K-77-K", "v": "1"}
        scheme, words = secret.headers["Authorization"].split()
        assert (scheme, base64.b64decode(words)) == ("Basic", b"ann:p@ss-word")
    assert secret_of("http://127.0.0.1:9/v2").headers == {}
    assert secret_of(None).parameters == {}


@pytest.mark.parametrize(
    "text",
    ["openai:http://127.0.0.1:9/v1#m", "hf:me@x?y", "text/greedy", "see http://a:b@c/d?e=f", ""],
)
def test_what_is_no_address_of_a_server_with_a_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_an_address_among_other_words_is_cut_too_and_python_s_as_well() -> None:
    assert without_secrets(f"model={FULL}") == f"model={CLEAN}"
    assert fixed_words({"model": FULL, "room": 4}) == (f"model={CLEAN}", "room=4")


def test_what_a_server_quotes_is_hidden_but_for_what_stands_everywhere() -> None:
    without_secrets(FULL)
    assert hidden("v 1: K-77-K and p%40ss-word of ann") == "v 1: ... and ... of ann"
