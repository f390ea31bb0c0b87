"""Which weights a name stands for: a short digest of a model's folder, taken without reading it whole."""

import hashlib
from pathlib import Path

from adabench.workloads.shared.sources.model_folder import WEIGHTS, model_folder
from adabench.workloads.shared.sources.model_spec import ModelSpec

SAMPLE_BYTES = 1 << 16
"""Of each file of weights, at its beginning (where its table of contents is) and at its end."""


def model_digest(spec: ModelSpec) -> str:
    """Return a digest of the configuration and of samples of the weights; of a builtin its name.

    Raises:
        SelectionError: if there is no such folder.
        EnvironmentProblem: if a package is missing.
    """
    if spec.kind not in ("hf", "smollm2"):
        return str(spec)
    folder = _folder(spec)
    digest = hashlib.blake2b((folder / "config.json").read_bytes(), digest_size=8)
    for path in sorted(path for pattern in WEIGHTS for path in folder.glob(pattern)):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            digest.update(file.read(SAMPLE_BYTES))
            file.seek(max(0, size - SAMPLE_BYTES))
            digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def _folder(spec: ModelSpec) -> Path:
    if spec.kind == "smollm2":
        from adabench.workloads.shared.language_model import smollm2

        return smollm2.converted()
    return model_folder(spec.name)
