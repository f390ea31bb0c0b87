"""The codec of a model of this task as it was named; the builtin one has words of its own."""

from adabench.workloads.shared.sources.codec_source import open_codec
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.test_time.text.substrate.completions import TextCodec


def named_codec(model: ModelSpec) -> TextCodec:
    """Return it.

    Raises:
        SelectionError: if there is no such model.
        EnvironmentProblem: if a package or a network is missing.
    """
    if model.kind == "builtin":
        from adabench.workloads.test_time.text.substrate.random_model import random_codec

        return random_codec()
    return open_codec(model)
