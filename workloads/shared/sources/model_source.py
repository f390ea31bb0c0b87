"""Opens a model as it was named: its engine, its codec, and what was found about it.

The order is: the words, the device, the folder, the configuration, the memory; then the weights. What cannot work is refused before anything
large is read. A server is probed once a run: the run's process hands what it found to those that open it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from adabench.harness.errors import SelectionError, require
from adabench.workloads.shared.language_model.backends.model_profile import ModelProfile
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.contract import Engine
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.sources.server_findings import (
    known_abilities,
    probe_anew,
    probe_once,
)

if TYPE_CHECKING:
    from adabench.workloads.shared.language_model.backends.litellm_protocol import Provider
    from adabench.workloads.shared.language_model.backends.openai_protocol import Completions
    from adabench.workloads.shared.language_model.backends.server_abilities import ServerAbilities


@dataclass(frozen=True)
class OpenedModel:
    """A model that can be asked."""

    engine: Engine
    codec: TokenizerCodec | TextPieces
    profile: ModelProfile


@dataclass(frozen=True)
class _Plan:
    """A model of transformers that passed every check, but for its weights."""

    name: str
    folder: Any
    model: Any
    """Without memory: on torch's `meta` device."""
    profile: ModelProfile
    device: Any
    dtype: Any


CHAT_NEVER = dict.fromkeys(
    ("steps", "logprobs", "score", "hidden", "held", "fork", "limits", "allow", "watch"),
    "a chat server writes whole answers, and shows no more of its model",
)
"""Abilities that no server has that only talks."""


def open_model(
    spec: ModelSpec,
    device: str | None = None,
    dtype: str | None = None,
    *,
    probed: bool = False,
    found: "ServerAbilities | None" = None,
) -> OpenedModel:
    """Open a model; with `probed` its abilities are tried, as those of a server of completions are unless they were `found`.

    Raises:
        SelectionError: if it names nothing, or what cannot run here.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    if spec.talks:
        return _open_chat(spec, device, dtype)
    if spec.kind == "openai":
        return _open_server(spec, device, dtype, found)
    plan = _planned(spec, device, dtype)
    return _open_weights(spec, plan, probed=probed)


def check_model(spec: ModelSpec, device: str | None = None, dtype: str | None = None) -> None:
    """Make sure that a model can be opened, without loading it.

    Raises:
        SelectionError: if it names nothing, or what cannot run here.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    from adabench.workloads.shared.language_model import smollm2
    from adabench.workloads.shared.sources.torch_place import torch_device, torch_dtype

    if spec.is_served:
        _check_server(spec, device, dtype)
    elif spec.kind == "smollm2" and not smollm2.is_converted():
        torch_device(device), torch_dtype(dtype, device)
        smollm2.package_folder()
    else:
        _planned(spec, device, dtype)


def missing_abilities(spec: ModelSpec) -> dict[str, str]:
    """Return what a model cannot do, each with how that is known; no weights are read.

    A server is probed. What transformers runs here can do the same whatever the model is.

    Raises:
        EnvironmentProblem: if a server is missing, refuses, or completes nothing.
    """
    if spec.talks:
        probe_once(spec, _probe_chat)
        return dict(CHAT_NEVER)
    if spec.kind != "openai":
        from adabench.workloads.shared.language_model.backends import transformers_probe

        return dict(transformers_probe.NEVER)
    from adabench.workloads.shared.language_model.backends.server_abilities import described

    found = probe_once(spec, _probe_server)
    assert found is not None
    return {ability.name: ability.how for ability in described(found) if not ability.able}


def found_abilities(spec: ModelSpec) -> "ServerAbilities | None":
    """Return what a server was found to do at the beginning of the run; None if nobody asked."""
    known = known_abilities(spec) if spec.kind == "openai" else None
    return known[0] if known else None


def _planned(spec: ModelSpec, device: str | None, dtype: str | None) -> _Plan:
    """Check everything but the weights."""
    from adabench.workloads.shared.language_model.backends.causal_model import refuse
    from adabench.workloads.shared.language_model.backends.model_memory import check_room, needed
    from adabench.workloads.shared.sources.torch_place import torch_device, torch_dtype

    where, what = torch_device(device), torch_dtype(dtype, device)
    name, folder = _named_folder(spec)
    model = skeleton(folder)
    refuse(model)
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    need = needed(model, what, context or 1 << 30)
    free = check_room(need, where, str(spec))
    if where.type != "cpu":  # weights are read into the host's memory on their way
        check_room(need, torch_device("cpu"), str(spec))
    profile = ModelProfile(
        spec=str(spec),
        kind=type(model).__name__,
        parameters=need.parameters,
        context=context,
        device=str(where),
        dtype=str(what).removeprefix("torch."),
        weights_bytes=need.weights_bytes,
        position_bytes=need.position_bytes,
        free_bytes=free,
    )
    return _Plan(name, folder, model, profile, where, what)


def _named_folder(spec: ModelSpec) -> tuple[str, Any]:
    """Return the name of a model for transformers, and the folder with its configuration."""
    from adabench.workloads.shared.language_model import smollm2
    from adabench.workloads.shared.sources.model_folder import model_folder

    if spec.kind == "smollm2":
        folder = smollm2.converted()
        return str(folder), folder
    if spec.kind != "hf":
        raise SelectionError(
            f"{spec} is no model of its own: it depends on the task that uses it.",
            "Name one: smollm2, hf:NAME, hf:FOLDER or openai:URL#NAME.",
        )
    return spec.name, model_folder(spec.name)


def skeleton(folder: Any) -> Any:
    """Return the model of a folder without memory for its weights.

    Raises:
        SelectionError: if it is no causal language model.
    """
    import torch

    transformers = require("transformers", extra="models")
    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        with torch.device("meta"):
            return transformers.AutoModelForCausalLM.from_config(config)
    except (ValueError, KeyError, OSError) as problem:
        said = str(problem).splitlines()[0]
        raise SelectionError(
            f"transformers finds no causal language model in {folder}: {said[:200]}",
            "Choose a model that writes text, or serve it and name it openai:URL#NAME.",
        ) from problem


def _open_weights(spec: ModelSpec, plan: _Plan, *, probed: bool) -> OpenedModel:
    """Read the weights, onto the processor: the process that measures moves them to its device."""
    from adabench.workloads.shared.language_model.backends.causal_model import model_ends
    from adabench.workloads.shared.language_model.backends.packed_linear import pack
    from adabench.workloads.shared.language_model.backends.transformers_engine import (
        TransformersEngine,
    )
    from adabench.workloads.shared.language_model.backends.transformers_probe import probe
    from adabench.workloads.shared.sources.codec_source import read_tokenizer
    from adabench.workloads.shared.sources.model_folder import fetch_weights
    from adabench.workloads.shared.sources.model_weights import read_weights

    if spec.kind == "hf":
        fetch_weights(spec.name, plan.folder)
    tokenizer = read_tokenizer(plan.folder, str(spec))
    model = read_weights("AutoModelForCausalLM", plan.folder, plan.dtype, str(spec))
    codec = TokenizerCodec(tokenizer, model_ends(model))
    _check_words(spec, codec, model)
    engine = TransformersEngine(model, str(spec), vocabulary=codec.vocabulary, device=plan.device)
    if plan.device.type == "cpu":  # after the engine has counted the weights
        pack(model)
    abilities = probe(engine, codec.encode("One, two, three,")) if probed else ()
    profile = replace(
        plan.profile,
        vocabulary=codec.size,
        ids="words of its tokenizer",
        digest=codec.vocabulary,
        abilities=abilities,
    )
    return OpenedModel(engine, codec, profile)


def _check_words(spec: ModelSpec, codec: TokenizerCodec, model: Any) -> None:
    """Make sure that the tokenizer has no word that the model lacks."""
    rows = model.get_input_embeddings().weight.shape[0]
    if codec.size > rows:
        raise SelectionError(
            f"The tokenizer of {spec} has {codec.size:,} words and its model only {rows:,}.",
            "Put the model's own tokenizer into its folder.",
        )


def _check_server(spec: ModelSpec, device: str | None, dtype: str | None) -> None:
    """Make sure that a server answers, takes the key and serves the model."""
    from adabench.workloads.shared.language_model.backends.litellm_protocol import Provider
    from adabench.workloads.shared.language_model.backends.openai_probe import served
    from adabench.workloads.shared.language_model.backends.openai_protocol import Completions

    _refuse_place(device, dtype)
    if spec.kind == "litellm":
        Provider(spec.name).check()
    else:
        served(Completions(spec.url, retries=1), spec.name)


def _probe_server(spec: ModelSpec) -> "ServerAbilities":
    from adabench.workloads.shared.language_model.backends.openai_probe import ServerProbe, served
    from adabench.workloads.shared.language_model.backends.openai_protocol import Completions

    server = Completions(spec.url, retries=1)
    served(server, spec.name)
    return ServerProbe(server, spec.name).abilities()


def _refuse_place(device: str | None, dtype: str | None) -> None:
    if device is not None or dtype is not None:
        raise SelectionError(
            "A server decides for itself where and in which numbers its model runs.",
            "Leave out --device and --dtype.",
        )


def _open_server(
    spec: ModelSpec, device: str | None, dtype: str | None, found: "ServerAbilities | None"
) -> OpenedModel:
    from adabench.workloads.shared.language_model.backends.openai_probe import open_server

    _refuse_place(device, dtype)
    codec = TextPieces()
    found = found or probe_anew(spec, _probe_server)
    assert found is not None
    engine, profile = open_server(spec.name, spec.url, str(spec), codec, found)
    return OpenedModel(engine, codec, profile)


def _probe_chat(spec: ModelSpec) -> None:
    """Make sure that a server talks, and counts what it reads and writes.

    Raises:
        ServerProblem: if it does not.
    """
    hello = [{"role": "user", "content": "1 + 1 ="}]
    _talker(spec, retries=1).talk({"model": spec.name, "messages": hello, "max_tokens": 8})


def _talker(spec: ModelSpec, retries: int = 3) -> "Completions | Provider":
    """Return what turns are sent to."""
    from adabench.workloads.shared.language_model.backends.litellm_protocol import Provider
    from adabench.workloads.shared.language_model.backends.openai_protocol import Completions

    return (
        Provider(spec.name, retries) if spec.kind == "litellm" else Completions(spec.url, retries)
    )


def _open_chat(spec: ModelSpec, device: str | None, dtype: str | None) -> OpenedModel:
    from adabench.workloads.shared.language_model.backends.chat_engine import ChatEngine
    from adabench.workloads.shared.language_model.backends.model_profile import ModelAbility

    _check_server(spec, device, dtype)
    if known_abilities(spec) is None:
        probe_anew(spec, _probe_chat)
    codec = TextPieces()
    profile = ModelProfile(
        spec=str(spec), kind="chat server", parameters=None, vocabulary=None, ids="pieces of text",
        digest=codec.vocabulary, context=None, weights_bytes=None,
        abilities=tuple(ModelAbility(name, False, how) for name, how in CHAT_NEVER.items()),
    )  # fmt: skip
    return OpenedModel(ChatEngine(spec.name, _talker(spec)), codec, profile)
