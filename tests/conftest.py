"""What all tests share: workers and what they have in common, and the toy plug-in as installed.

Tests run in as many processes as there are cores (`-n 0`: in this one). What would compile the
same kernels twice, or needs a cluster or a browser, stays together in one of them.
"""

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

# Before anything imports numpy or torch: the workers are the threads of a test session.
for library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import pytest

from tests.suite import examples, opened_files, seeds, warm_session
from tests.suite.leaks import same_handlers, surroundings  # noqa: F401 - checked around every test
from tests.suite.session_cache import session_cache
from tests.suite.unit_plugin import UnitPlugin, read_plan

PLUGIN = Path(__file__).parent / "plugin"
WORKLOADS = Path(__file__).parent / "workloads"
MOST_WORKERS = 8
"""Each holds torch and the kernels that it compiled: 1 to 2 GB."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return the cores that we may use; 0 (this process) for tests of one file."""
    named = [Path(word.split("::")[0]) for word in config.args]
    if len(named) == 1 and named[0].is_file():
        return 0
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `make counts` says."""
    parser.addoption(
        "--record-counts", action="store_true", help="write tests/workloads/*/*/counts.json anew"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Run the units that a plan chooses, if there is one; share examples, a cache, a warm process."""
    examples.choose(config)
    plan = read_plan()
    if plan is not None:
        config.pluginmanager.register(UnitPlugin(plan, config.rootpath))
        opened_files.listen(imports=True)
    if not hasattr(config, "workerinput"):
        cache = session_cache()
        cache.__enter__()
        config.add_cleanup(lambda: cache.__exit__(None, None, None))
    warm_session.begin(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests of a task in one worker: they share its kernels, weights, servers and fixtures."""
    for item in items:
        group = group_of(item)
        if group and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))


def group_of(item: pytest.Item) -> str:
    """Return a test's task: by its address, or by the folder that it lies in; nothing elsewhere."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    task = str(parameters.get("address", "")).split("/")[0]
    if task:
        return task
    if not item.path.is_relative_to(WORKLOADS):
        return ""
    folders = item.path.parent.relative_to(WORKLOADS).parts[1:]  # below a family
    return folders[0] if folders else ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Seed the shared generators before fixtures are made, which may draw."""
    seeds.begin()


def pytest_report_header() -> list[str]:
    names = ("adabench", "numpy", "numba", "torch")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return [versions, examples.header()]


@pytest.fixture(scope="session")
def plugin_paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The paths that an installation of tests/plugin would add, metadata included."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site")
    info = site / "adabench_toy-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adabench-toy\nVersion: 0.1\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return [str(site), str(PLUGIN)]


@pytest.fixture
def toy(plugin_paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The plug-in, importable in this process."""
    for path in plugin_paths:
        monkeypatch.syspath_prepend(path)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Methods of this process, as of a notebook: what a test registers is gone after it."""
    from adabench.harness.contract.plugins import forget_plugins
    from adabench.harness.notebook.session_methods import PACKAGE, session_folder

    monkeypatch.setattr(sys, "path", list(sys.path))
    session_folder.cache_clear()
    yield
    session_folder.cache_clear()
    forget_plugins()
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def toy_env(plugin_paths: list[str], tmp_path: Path) -> dict[str, str]:
    """An environment for child processes that see the plug-in."""
    paths = [*plugin_paths, *filter(None, [os.environ.get("PYTHONPATH")])]
    extra = {"PYTHONPATH": os.pathsep.join(paths), "ADABENCH_CACHE": str(tmp_path / "cache")}
    return {**os.environ, **extra}


@pytest.fixture(scope="session")
def command(plugin_paths: list[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line with the plug-in, called in this process: a new one imports for seconds."""

    def adabench(
        *words: object, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        code, out, talk = None, StringIO(), StringIO()
        with (
            same_handlers(), pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out), redirect_stderr(talk),
        ):  # fmt: skip
            for path in plugin_paths:
                patch.syspath_prepend(path)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["adabench", *map(str, words)])
            if cwd is not None:
                patch.chdir(cwd)
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        assert code is None or isinstance(code, int)
        return subprocess.CompletedProcess(words, code or 0, out.getvalue(), talk.getvalue())

    from adabench.cli.main import main

    return adabench


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a process of its own, for what one process does once."""

    def adabench(
        *words: object, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).with_name("adabench"))
        return subprocess.run(
            [program, *map(str, words)], env=env, capture_output=True, text=True, check=False
        )

    return adabench


@pytest.fixture(scope="module")
def here(
    request: pytest.FixtureRequest, command: Callable[..., subprocess.CompletedProcess[str]]
) -> Iterator[None]:
    """Let the module's `adabench(...)` be `command`, in what sets the module up too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request.module, "adabench", command)
        yield


@pytest.fixture
def in_process(
    request: pytest.FixtureRequest,
    command: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Let the module's `adabench(...)` be `command`."""
    monkeypatch.setattr(request.module, "adabench", command)


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random Llama and a tokenizer that has `.` and a line's end in one word."""
    transformers = pytest.importorskip("transformers", reason="the extra `real` is not installed")
    import tokenizers
    import torch

    text = [
        f"Step {a}: {a} + {b} = {a + b}.\nAnswer: {a + b}\n\n" for a in range(9) for b in range(9)
    ]
    bare = tokenizers.Tokenizer(tokenizers.models.BPE())
    # No cut before learning: words may reach over signs, as they do in large vocabularies.
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=False
    )
    bare.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(text, trainer)
    folder = tmp_path_factory.mktemp("llama")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=300, hidden_size=24, intermediate_size=40, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=256,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3)  # logits that differ: an untrained model is nearly uniform
    model.save_pretrained(folder)
    return folder
