"""`adabench export`: one tidy table on stdout or in a file, and what is refused before anything is read."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import adabench as api
from adabench.harness.store import run_folder
from tests.cli.program import adabench

pytestmark = pytest.mark.usefixtures("in_process", "toy")
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "r"
    words = ("roots/fixed", "--seeds", "0", "--no-sweep", "--no-report", "--out", place)
    assert command("run", *words).returncode == 0
    return place


def test_csv_is_the_frame_of_the_run(folder: Path) -> None:
    done = adabench("export", folder, "--csv")
    assert done.returncode == 0
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    frame = api.load(folder).frame()
    assert list(rows[0]) == list(frame.columns)
    assert len(rows) == len(frame)
    assert [float(row["value"] or "nan") for row in rows] == pytest.approx(
        frame.value.tolist(), nan_ok=True
    )
    assert {row["label"] for row in rows if row["unit"] == "J"} == set(
        frame[frame.unit == "J"].label
    )


def test_json_of_several_runs_names_the_run_of_each_row(folder: Path, tmp_path: Path) -> None:
    done = adabench("export", folder, folder, "--json", "-o", tmp_path / "new" / "t.json")
    assert done.stdout == f"{tmp_path / 'new' / 't.json'}\n"
    rows = json.loads((tmp_path / "new" / "t.json").read_text())
    assert len(rows) == 2 * len(api.load(folder).frame())
    assert next(iter(rows[0])) == "run"
    assert {row["run"] for row in rows} == {str(folder)}


def test_parquet_goes_into_a_file(folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet needs pyarrow")
    assert adabench("export", folder, "--parquet", "-o", tmp_path / "t.parquet").returncode == 0
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table.num_rows == len(api.load(folder).frame())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Nothing was asked for"),
        (("--csv", "--json"), "one form"),
        (("--parquet",), "no text"),
        (("-o", "x"), "names the file of a table"),
    ],
)
def test_words_that_make_no_sense(folder: Path, words: tuple[str, ...], sentence: str) -> None:
    done = adabench("export", folder, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stdout == ""


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    assert adabench("export", tmp_path, "--csv").returncode == 3


@pytest.mark.parametrize("tracker", ["mlflow", "wandb"])
def test_a_missing_tracker_is_named_before_anything_is_read(
    tmp_path: Path, tracker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, tracker, None)
    done = adabench("export", tmp_path / "nowhere", f"--{tracker}", "x")
    assert done.returncode == 3
    assert f"pip install 'adabench[{tracker}]'" in done.stderr


def test_a_tracker_gets_the_page_and_the_manifest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}

    def export(run: object, files: list[Path], uri: str) -> int:
        seen.update({path.name: path.read_text() for path in files}, uri=uri)
        return 1

    monkeypatch.setitem(sys.modules, "mlflow", sys)
    monkeypatch.setattr("adabench.reports.export.mlflow_runs.check_mlflow", lambda uri: None)
    monkeypatch.setattr("adabench.reports.export.mlflow_runs.export_to_mlflow", export)
    done = adabench("export", folder, "--mlflow", "http://127.0.0.1:1")
    assert done.returncode == 0
    assert "operating points written to MLflow at http://127.0.0.1:1: 1" in done.stderr
    assert json.loads(str(seen["run.json"])) == json.loads(
        json.dumps(run_folder.read_manifest(folder))
    )
    assert "<html" in str(seen["report.html"])


@pytest.mark.filterwarnings("ignore")  # of MLflow's own
def test_mlflow_takes_a_folder_and_refuses_before_anything_is_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow writes its own store")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    store = tmp_path / "store"
    done = adabench("export", folder, "--mlflow", store)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # for this client
    client = mlflow.MlflowClient(tracking_uri=str(store))
    [experiment] = [one for one in client.search_experiments() if one.name == "adabench"]
    assert client.search_runs([experiment.experiment_id])
    for uri in ("nonsense://x", "http://127.0.0.1:9"):
        done = adabench("export", tmp_path / "nowhere", "--mlflow", uri)
        assert done.returncode == 3
        assert f"MLflow refuses {uri}" in done.stderr
