"""What checkpoints share: halves that come back, a digest that prose leaves alone, a refusal."""

from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.shared.training import checkpoints


def test_weights_come_back_in_single_precision_under_their_prefix(tmp_path) -> None:
    given = {"w": torch.tensor([[1.0, 0.1], [2.0, -3.0]]).T, "b": torch.zeros(2)}
    save_file(checkpoints.halves(given, "head."), tmp_path / "small.safetensors")
    found = checkpoints.weights("small", tmp_path, 60.0)
    assert set(found) == {"head.w", "head.b"}
    assert found["head.w"].dtype == torch.float32
    torch.testing.assert_close(found["head.w"], given["w"].half().float(), rtol=0, atol=0)


def test_what_was_not_trained_says_how_to_train_it(tmp_path) -> None:
    with pytest.raises(EnvironmentProblem) as refusal:
        checkpoints.weights("small", tmp_path, 60.0)
    assert "adabench train small" in refusal.value.hint
    assert "60 s" in refusal.value.hint


def test_a_recipe_of_no_such_name_is_told_the_near_one() -> None:
    with pytest.raises(SelectionError) as refusal:
        checkpoints.find_recipe("poliçies", {"policies": 1})
    assert "policies" in refusal.value.hint


def test_the_digest_sees_code_and_no_prose(tmp_path, monkeypatch) -> None:
    path = tmp_path / "own_training.py"
    monkeypatch.syspath_prepend(tmp_path)
    module = ModuleType(path.stem)
    texts = (
        '"""One."""\n\nRATE = 3e-3  # of Adam\n"""Doc."""\n',
        '"""Another essay."""\nRATE = 3e-3\n',
        "RATE = 2e-3\n",
    )
    digests = []
    for text in texts:
        path.write_text(text)
        digests.append(checkpoints.code_digest(module))
    assert digests[0] == digests[1] != digests[2]


def test_torch_has_its_threads_back_after_a_failure() -> None:
    threads = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), checkpoints.one_thread():
        assert torch.get_num_threads() == 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == threads
