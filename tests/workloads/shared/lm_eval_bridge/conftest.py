"""What these tests share: lm-eval in a process of its own."""

from collections.abc import Iterator

import pytest

from tests.workloads.shared.lm_eval_bridge.lm_eval_process import LmEval


@pytest.fixture(scope="session")
def lm_eval(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LmEval]:
    """lm-eval, imported once for the tests of this folder; it lives as long as their test process."""
    process = LmEval(tmp_path_factory.mktemp("lm_eval_process"))
    yield process
    process.close()
