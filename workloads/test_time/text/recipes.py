"""What is fitted to a policy of this task: a head that judges by its states, a table of strategies, responses;
and a bank of what it writes.

    adabench train state-judge-smollm2
    adabench train 'text/*' --set model=hf:./my-llama

A head is fitted to how the policy's own roll-outs ended, on generated sums that no run asks
(`training/train_state_judge.py`), a table to what each vote answers of such sums
(`training/train_votes.py`); responses are what the policy and its draft answer
(`training/train_responses.py`). A bank holds completions of questions that runs ask, scored by the
head (`training/train_bank.py`). A name says which model, and which draft if it is another one; the
card, which weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

from adabench.workloads.shared.sources.model_spec import THINNED, draft_spec, model_spec

FOLDER = Path(__file__).parent / "checkpoints"
PREFIX = "state-judge-"
TABLE_PREFIX = "compute-optimal-"
RESPONSES_PREFIX = "radar-responses-"
BANK_PREFIX = "bank-"
BANK_LEVEL = "plus-1+digit-2"
"""Sums of two and of three terms, in turn: a model of this size is right on about half of either."""
WITH = "+"
"""In a name, before a draft; `quote` leaves none in what it quotes."""
PREFIXES = {"judge": PREFIX, "table": TABLE_PREFIX, "responses": RESPONSES_PREFIX}
DEFAULT = "smollm2"


@dataclass(frozen=True)
class Recipe:
    """What to fit, and to how many roll-outs."""

    name: str
    model: str
    steps: int = 64
    """Questions."""
    samples: int = 8
    """Roll-outs of each."""
    seed: int = 0
    forecast_s: int = 200
    kind: Literal["judge", "table", "responses"] = "judge"
    draft: str = THINNED

    @property
    def words(self) -> str:
        """Return what `adabench train` is told."""
        given = (("model", self.model, DEFAULT), ("draft", self.draft, THINNED))
        settings = [f"--set {name}={value}" for name, value, usual in given if value != usual]
        pattern = f"'text/{PREFIXES[self.kind]}*'"
        return " ".join([pattern, *settings]) if settings else self.name


@dataclass(frozen=True)
class BankRecipe:
    """Which questions a model answers how often, for a bank that is scored by its judge."""

    name: str
    model: str
    judge: str
    """The recipe of the head."""
    level: str = BANK_LEVEL
    steps: int = 510
    """Questions: as many for each of three seeds, or of five."""
    samples: int = 32
    seed: int = 0
    forecast_s: int = 1200


def recipe_of(model: str) -> Recipe:
    """Return the recipe of a model's judge."""
    return Recipe(f"{PREFIX}{quote(model, safe='')}", model, steps=128, forecast_s=300)


def table_of(model: str) -> Recipe:
    """Return the recipe of a model's table of strategies."""
    return Recipe(
        f"{TABLE_PREFIX}{quote(model, safe='')}", model, steps=40, forecast_s=300, kind="table"
    )


def responses_of(model: str, draft: str = THINNED) -> Recipe:
    """Return the recipe of what a model and its draft answer."""
    name = f"{RESPONSES_PREFIX}{quote(model, safe='')}"
    return Recipe(
        name if draft == THINNED else f"{name}{WITH}{quote(draft, safe='')}", model,
        steps=40, samples=4, forecast_s=240, kind="responses", draft=draft,
    )  # fmt: skip


def bank_of(model: str) -> BankRecipe:
    """Return the recipe of a model's bank."""
    return BankRecipe(f"{BANK_PREFIX}{quote(model, safe='')}", model, recipe_of(model).name)


def recipe_named(name: str) -> Recipe | BankRecipe:
    """Return the recipe that has a name, of whatever model it says."""
    made: dict[str, Callable[..., Recipe | BankRecipe]] = {
        PREFIX: recipe_of, TABLE_PREFIX: table_of, RESPONSES_PREFIX: responses_of, BANK_PREFIX: bank_of,
    }  # fmt: skip
    prefix = next(prefix for prefix in made if name.startswith(prefix))
    return made[prefix](*map(unquote, name.removeprefix(prefix).split(WITH)))


def recipes(model: str = DEFAULT, draft: str = THINNED) -> dict[str, Recipe | BankRecipe]:
    """Return the recipes of a model, and of what it answers with a draft; of the default model its bank too.

    Raises:
        SelectionError: if one of them is named by nothing that there is.
    """
    name, drafting = str(model_spec(model)), str(draft_spec(draft) or THINNED)
    found = (table_of(name), recipe_of(name), responses_of(name, drafting))
    banks = (bank_of(name),) if name == DEFAULT else ()  # of another one `adabench bank` draws it
    return {recipe.name: recipe for recipe in (*found, *banks)}
