"""Serve SmolLM2 by llama.cpp, in a process of its own: `python llama_cpp_server.py GGUF [KEY]`.

Prints the address once it listens, and ends with its standard input.
"""

import sys

import xllamacpp


def parameters(path: str, keys: list[str]) -> xllamacpp.CommonParams:
    """Two places for sequences, one thread, any free port."""
    found = xllamacpp.CommonParams()
    found.model.path = path
    found.model_alias = {"smollm2"}
    found.hostnames, found.port = ["127.0.0.1"], 0
    found.n_ctx, found.n_parallel = 1024, 2
    found.cpuparams.n_threads = found.cpuparams_batch.n_threads = 1
    found.api_keys = keys
    return found


if __name__ == "__main__":
    server = xllamacpp.Server(parameters(sys.argv[1], sys.argv[2:]))
    print(server.listening_address, flush=True)
    sys.stdin.read()
