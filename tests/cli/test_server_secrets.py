"""A server with a user, a password and a key in its address: it answers, and nothing that is written holds them."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from adabench.harness.provenance.server_secrets import VARIABLE
from tests.workloads import local_server

pytest.importorskip("openai", reason="the extra `endpoint` is not installed")
USER, PASSWORD, KEY, WRONG, NAME = "ann", "pw-of-ann", "key-of-ann", "key-of-eve", "reciter"
BASIC = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


@contextmanager
def guarded() -> Iterator[str]:
    """Serve one answer to who says user and key, and yield host and port."""

    def answer(handler: BaseHTTPRequestHandler, body: dict[str, Any] | None) -> local_server.Reply:
        keys = parse_qs(urlsplit(handler.path).query).get("key")
        if handler.headers["Authorization"] != BASIC or keys != [KEY]:
            said = f"{handler.path} is not for you."  # as some gateways do, it quotes what it got
            return 401, json.dumps({"error": {"message": said}}).encode(), {}
        if body is None:
            return local_server.models(NAME)
        if local_server.refused(body):
            return 400, b"{}", {}
        found = local_server.completion(NAME, "Answer: 2", 2, body.get("n", 1), "stop")
        return 200, json.dumps(found).encode(), {}

    with local_server.serve(answer) as url:
        yield urlsplit(url).netloc


def test_no_file_of_a_run_report_or_site_holds_what_an_address_said(
    command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv(VARIABLE, "{}")  # as it was, afterwards
    with guarded() as place:
        address = f"openai:http://{USER}:{PASSWORD}@{place}/v1?key={KEY}#{NAME}"
        words = (
            "--set",
            "problems=2",
            "--set",
            "room=48",
            "--seeds",
            0,
            "--no-sweep",
            "--no-report",
        )
        folder, site = tmp_path / "r", tmp_path / "site"
        done = command("run", "text/greedy", "--alone", "--model", address, *words, "--out", folder)
        assert done.returncode == 0, done.stderr
        published = command("publish", site, folder)
        assert published.returncode == 0, published.stderr
        wrong = command("run", "text/greedy", "--alone", "--model", address.replace(KEY, WRONG),
                        *words, "--out", tmp_path / "w")  # fmt: skip
        assert wrong.returncode == 3
        assert "refuses the key" in wrong.stderr
    assert f"model=openai:http://{place}/v1#{NAME}" in (folder / "run.json").read_text()
    said = "".join(one.stdout + one.stderr for one in (done, published, wrong))
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 5
    for secret in (PASSWORD, KEY, WRONG, BASIC.split()[1]):
        assert secret not in said
        assert not any(secret.encode() in content for content in written)
