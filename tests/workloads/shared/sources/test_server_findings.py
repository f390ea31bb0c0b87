"""What a server was found to do is asked once, and found by other processes for a while."""

import json
import time
from pathlib import Path

import pytest

from adabench.workloads.shared.language_model.backends.server_abilities import ServerAbilities
from adabench.workloads.shared.sources import server_findings
from adabench.workloads.shared.sources.model_spec import ModelSpec, model_spec

ABLE = ServerAbilities(
    {"top_k": -1}, "", False, False, False, 0, True, False, False, 4, False, True, True, True
)
SPEC = model_spec("openai:http://127.0.0.1:9/v1#m")


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(server_findings, "_found", {})


def test_a_server_is_asked_once_by_all_processes_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ModelSpec] = []

    def probe(spec: ModelSpec) -> ServerAbilities:
        asked.append(spec)
        return ABLE

    assert server_findings.known_abilities(SPEC) is None
    assert [server_findings.probe_once(SPEC, probe) for _ in range(3)] == [ABLE] * 3
    assert asked == [SPEC]
    monkeypatch.setattr(server_findings, "_found", {})  # another process
    assert server_findings.known_abilities(SPEC) == (ABLE,)
    assert server_findings.probe_once(SPEC, probe) == ABLE
    assert len(asked) == 2, "a run of its own asks anew"


@pytest.mark.parametrize("stored", ["old", "broken", "strange"])
def test_what_is_old_or_of_another_version_is_not_taken(
    stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_findings.probe_anew(SPEC, lambda _: ABLE)
    monkeypatch.setattr(server_findings, "_found", {})
    (path,) = (tmp_path / "servers").iterdir()
    told = json.loads(path.read_text())
    told["at_s"] = time.time() - (10 * server_findings.FRESH_S if stored == "old" else 0)
    told["abilities"] = {"wings": True} if stored == "strange" else told["abilities"]
    path.write_text("{" if stored == "broken" else json.dumps(told))
    assert server_findings.known_abilities(SPEC) is None


def test_a_server_that_only_talks_is_remembered_too() -> None:
    server_findings.probe_anew(model_spec("chat:http://127.0.0.1:9/v1#m"), lambda _: None)
    assert server_findings.known_abilities(model_spec("chat:http://127.0.0.1:9/v1#m")) == (None,)
