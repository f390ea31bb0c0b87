"""A small checkout: a product of a few files, with tests, as git sees it."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.suite.checkout import Checkout, read_checkout
from tests.suite.file_facts import FactStore

FILES = {
    "pyproject.toml": "[project]\n",
    "reports/notebook/api.py": "_HOME = {'run': 'adabench.reports.call'}\n",
    "harness/stats/share.py": "def share(k, n):\n    return k / n\n",
    "harness/stats/table.json": "{}",
    "harness/contract/registry.py": "def tasks(): ...\n",
    "reports/call.py": "from adabench.harness.stats.share import share\ndef run(): ...\n",
    "cli/main.py": "COMMANDS = 1\n",
    "cli/commands/show.py": "from adabench.reports import call\n",
    "cli/commands/run.py": "from adabench.harness import loop\n",
    "harness/loop.py": "import importlib\nWORKER = 'adabench.harness.worker'\n",
    "harness/worker.py": "",
    "workloads/algorithms/paging/task.py": "CARD = Card('paging')\n",
    "workloads/algorithms/paging/conformance.py": "",
    "workloads/algorithms/paging/methods/lru.py": '"""LRU."""\nCARD = Card("LRU")\nX = 1\n',
    "workloads/algorithms/paging/methods/fifo.py": '"""FIFO."""\nCARD = Card("FIFO")\n',
    "workloads/algorithms/paging/substrate/cache.py": "SIZE = 3\n",
    "workloads/algorithms/mip/task.py": "CARD = Card('mip')\n",
    "tests/conftest.py": (
        "import pytest\n"
        "@pytest.fixture\ndef command():\n    from adabench.cli.main import main\n"
        "@pytest.fixture\ndef shares():\n    from adabench.harness.stats import share\n"
        "@pytest.fixture(autouse=True)\ndef clean():\n    from adabench.harness import worker\n"
    ),
    "tests/harness/stats/test_share.py": "from adabench.harness.stats.share import share\n",
    "tests/harness/test_lazy.py": "import adabench\ndef test_it():\n    adabench.run()\n",
    "tests/harness/test_data.py": "from pathlib import Path\nP = Path('data') / 'words.txt'\n",
    "tests/harness/data/words.txt": "a b\n",
    "tests/cli/test_show.py": "def test_it(command):\n    command('show', 'paging/lru')\n",
    "tests/cli/test_loop.py": "from adabench.harness import loop\n",
    "tests/reports/test_shares.py": "def test_it(shares): ...\n",
    "tests/workloads/algorithms/paging/test_cache.py": "NAME = 'whatever'\n",
    "tests/test_conformance.py": "from adabench.harness.contract import registry\n",
}

House = Callable[..., Checkout]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Write the checkout with some files changed, and read it."""

    def build(changed: Mapping[str, str] | None = None) -> Checkout:
        for name, text in {**FILES, **(changed or {})}.items():
            path = tmp_path / "house" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if not (tmp_path / "house" / ".git").exists():
            subprocess.run(["git", "init", "-q", str(tmp_path / "house")], check=True)
        return read_checkout(tmp_path / "house", FactStore(tmp_path / "facts.json"))

    return build


def commit(root: Path) -> None:
    """Commit everything in a checkout."""
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)
