"""Trackers get one run an operating point; what is refused is refused in a sentence."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from adabench.harness.analysis.findings import Findings
from adabench.harness.errors import EnvironmentProblem, MissingExtra
from adabench.reports.export.mlflow_runs import EXPERIMENT, export_to_mlflow
from adabench.reports.export.tracked_points import TrackedRun, tracked_run
from adabench.reports.export.wandb_runs import export_to_wandb


@pytest.fixture
def told(findings: Findings) -> TrackedRun:
    return tracked_run(findings)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "run.json", tmp_path / "report.html"]
    for path in found:
        path.write_text("{}")
    return found


def test_every_operating_point_is_told_once(told: TrackedRun, findings: Findings) -> None:
    assert len(told.points) == len(findings.summary)
    point = next(p for p in told.points if p.name == "paging/mark_and_predict trust=0.5")
    assert point.parameters["point.trust"] == 0.5
    assert point.parameters["conditions.slots"] == 100
    assert point.tags["role"] == "adaptive"
    assert (
        point.metrics["hit_rate.low"] <= point.metrics["hit_rate"] <= point.metrics["hit_rate.high"]
    )
    assert json.loads(json.dumps(dict(told.facts)))["records"] == findings.tally.records


class FakeWandb(ModuleType):
    """As much of wandb as the exporter uses."""

    def __init__(self, *, refuse: bool = False) -> None:
        super().__init__("wandb")
        self.runs: list[SimpleNamespace] = []
        self.errors = SimpleNamespace(Error=ConnectionError)
        self.refuse = refuse

    def init(self, **words: Any) -> SimpleNamespace:
        if self.refuse:
            raise self.errors.Error("no key\nconfigured")
        run = SimpleNamespace(**words, summary={}, artefacts=[], finished=False)
        run.log_artifact = run.artefacts.append
        run.finish = lambda: setattr(run, "finished", True)
        self.runs.append(run)
        return run

    def Artifact(self, name: str, type: str) -> SimpleNamespace:
        held: list[str] = []
        return SimpleNamespace(name=name, type=type, held=held, add_file=held.append)


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> FakeWandb:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    return fake


def test_wandb_gets_a_group_of_runs_and_the_files_once(
    told: TrackedRun, files: list[Path], wandb: FakeWandb
) -> None:
    assert export_to_wandb(told, files, "mine") == len(told.points)
    whole, *points = wandb.runs
    assert [Path(name).name for name in whole.artefacts[0].held] == ["run.json", "report.html"]
    assert len(points) == len(told.points)
    assert {(run.project, run.group, run.finished) for run in wandb.runs} == {
        ("mine", "made-up", True)
    }
    tree = next(run for run in points if run.name == "chain/tree width=4")
    assert tree.config["point.width"] == 4
    assert tree.config["label.energy_j"]
    assert tree.summary["accuracy"] > 0


def test_what_wandb_refuses_is_a_sentence_of_ours(
    told: TrackedRun, files: list[Path], wandb: FakeWandb
) -> None:
    wandb.refuse = True
    with pytest.raises(EnvironmentProblem, match="no key configured") as refused:
        export_to_wandb(told, files, "mine")
    assert "WANDB_MODE=offline" in refused.value.hint


@pytest.mark.parametrize(
    ("name", "export"), [("mlflow", export_to_mlflow), ("wandb", export_to_wandb)]
)
def test_a_missing_tracker_names_its_extra(
    told: TrackedRun, name: str, export: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=name) as missing:
        export(told, [], "anywhere")
    assert f"adabench[{name}]" in missing.value.hint


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return pytest.importorskip("mlflow", reason="MLflow writes its own store")


@pytest.mark.filterwarnings("ignore")  # of MLflow's own
def test_mlflow_holds_a_parent_with_the_files_and_a_run_a_point(
    told: TrackedRun, files: list[Path], mlflow: Any, tmp_path: Path
) -> None:
    few = TrackedRun(told.name, told.points[:3], told.facts)
    uri = (tmp_path / "store").as_uri()
    assert export_to_mlflow(few, files, uri) == export_to_mlflow(few, files, uri) == 3
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert (len(parents), len(runs)) == (2, 8)
    listed = {item.path for item in client.list_artifacts(parents[0].info.run_id)}
    assert listed == {"run.json", "report.html"}
    point = told.points[0]
    [run] = [
        run
        for run in runs
        if run.info.run_name == point.name
        and run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id
        and run.data.params == {key: str(value) for key, value in point.parameters.items()}
    ]
    assert run.data.metrics == pytest.approx(dict(point.metrics))
    assert run.data.tags["label.energy_j"] == point.labels["energy_j"]
    assert run.info.status == "FINISHED"


@pytest.mark.filterwarnings("ignore")
def test_what_mlflow_refuses_is_a_sentence_of_ours(told: TrackedRun, mlflow: Any) -> None:
    with pytest.raises(EnvironmentProblem, match="MLflow refuses nonsense://x"):
        export_to_mlflow(told, [], "nonsense://x")
