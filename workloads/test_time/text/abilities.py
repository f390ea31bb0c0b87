"""What methods do not get of the model and the judge that were named, and what would give it.

Nothing is loaded for it: a server is probed, and what runs here can do the same whatever its weights are.
"""

from adabench.workloads.shared.language_model.bank.sample_bank import BankHeader
from adabench.workloads.shared.sources.judge_spec import JudgeSpec
from adabench.workloads.shared.sources.model_spec import ModelSpec, model_spec

LIKELIHOOD = "likelihood"
LOCAL = "A model that runs here has it: --model hf:NAME or smollm2."
REMEDIES = {
    "samples": "Let the server draw (`do_sample` of its model), or run the model here: --model hf:NAME.",
    "logprobs": "Let the server give log-probabilities of before the temperature, or run the model "
    "here: --model hf:NAME.",
}
"""By ability, where it is not `LOCAL`."""


def absences(model: ModelSpec, judge: JudgeSpec) -> dict[str, tuple[str, str]]:
    """Return by ability why it is not there and what would give it.

    Raises:
        EnvironmentProblem: if a server is missing, refuses, or completes nothing.
    """
    from adabench.workloads.shared.sources.model_source import missing_abilities

    lacks = missing_abilities(model)
    found = {name: (f"{model}: {how}.", REMEDIES.get(name, LOCAL)) for name, how in lacks.items()}
    if model.is_served:
        found["draft"] = f"{model} takes no draft: its words cannot be handed over.", LOCAL
        found["pool"] = f"{model} takes no draft, and stands beside no other model.", LOCAL
    if judge.kind == "none":
        found["scores"] = "No judge was named.", "Choose --judge likelihood, trained or hf:NAME."
    elif judge.kind == "likelihood" and "logprobs" in lacks:
        found["scores"] = (
            f"The judge `likelihood` reads log-probabilities ({model}: {lacks['logprobs']}).",
            "Choose --judge hf:NAME, which reads the text.",
        )
    return found


BANKED = ("samples", "logprobs", "scores")
"""What a bank may hold; all else needs the model."""
LIVE = "Run it on the model itself: leave out --data bank:FOLDER."


def bank_absences(header: BankHeader) -> dict[str, tuple[str, str]]:
    """Return by ability why it is not in a bank, and what would give it."""
    bank = f"A bank of {header.model} holds whole completions"
    lacks = ("draft", "hidden", "pool", "steps", "watch")
    found = {name: (f"{bank}, and no {WORDS.get(name, name)}.", LIVE) for name in lacks}
    talks = model_spec(header.model).talks
    if talks:
        found["logprobs"] = (f"{bank}, and no likelihoods.", LOCAL)
    if not is_judged(header):
        judge = "hf:NAME" if talks else "likelihood"
        found["scores"] = (f"{bank} that no judge scored.", f"Draw it with --judge {judge}.")
    return found


def shows_likelihood(header: BankHeader) -> bool:
    """Say whether the samples of a bank, whoever scored them, can be scored by their own likelihood too."""
    return header.judge != "none" and not model_spec(header.model).talks


def is_judged(header: BankHeader) -> bool:
    """Say whether a judge scored a bank: that by likelihood reads nothing of a model that only talks."""
    unread = header.judge == LIKELIHOOD and model_spec(header.model).talks
    return header.judge != "none" and not unread


WORDS = {"hidden": "states", "watch": "bare answers", "pool": "other model"}
"""Of abilities, in a sentence."""
