"""Policy and judge of this task, as they were named: opened where they are needed, by what travels."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from adabench.workloads.shared.language_model.contract import Engine
from adabench.workloads.shared.language_model.reward_model import Scorer
from adabench.workloads.shared.language_model.stop_strings import StopStrings
from adabench.workloads.shared.sources.judge_spec import JudgeSpec
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.step_hand_over import TARGET
from adabench.workloads.test_time.text.recipes import FOLDER, recipe_of
from adabench.workloads.test_time.text.substrate.completions import QuestionText, TextCodec
from adabench.workloads.test_time.text.substrate.configuration_pool import LARGE, read_responses
from adabench.workloads.test_time.text.substrate.draft_doubt import DraftDoubt
from adabench.workloads.test_time.text.substrate.likelihood import LikelihoodJudge
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.target_likelihood import TargetLikelihood
from adabench.workloads.test_time.text.substrate.vote_plan import vote_plan

if TYPE_CHECKING:
    from adabench.workloads.shared.language_model.backends.server_abilities import ServerAbilities


@dataclass(frozen=True)
class TextModels:
    """What opens a policy and a judge."""

    policy: ModelSpec
    judge: JudgeSpec
    device: str | None
    dtype: str | None
    codec: TextCodec = field(repr=False)
    prefixes: tuple[tuple[int, ...], ...] = field(repr=False)
    """What the prompts of a group begin with."""
    marks: frozenset[int] = field(repr=False)
    """Words that close a step."""
    question: QuestionText = field(repr=False)
    draft: ModelSpec | None = None
    """Who drafts what the policy may write instead; None: the policy without some layers."""
    bare_prefixes: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    """What prompts for bare answers begin with."""
    ends: tuple[str, ...] = ()
    """Texts by which a completion has ended."""
    closes: Callable[[str], bool] | None = field(default=None, repr=False)
    """Whether the steps of a text so far come to an answer."""
    found: "ServerAbilities | None" = field(default=None, repr=False)
    """What the run found the policy's server to do; None: whoever opens it finds out."""
    merges: bool = False
    """Whether completions with the same words so far are run once, for a bank."""

    def __call__(self) -> Models:
        """Open both.

        Raises:
            SelectionError: if one of them names what cannot run here.
            EnvironmentProblem: if a package, a device, a network or a server is missing.
        """
        engine = self._engine(self.policy)
        if self.merges and not self.policy.is_served:
            engine = self._merging(engine)
        policy = SharedPrefix(self._ending(engine), (*self.prefixes, *self.bare_prefixes))
        judge, pair = self._judge(policy), self._pair(engine, policy)
        names = (recipe_of(str(self.policy)).name,) if self.judge.kind == "trained" else ()
        plans = {"votes": partial(vote_plan, self.policy)}
        pool = None if pair is None else self._pool(pair.policy, policy)
        return Models(policy, judge, names, FOLDER, pair=pair, pool=pool, plans=plans)

    def _merging(self, engine: Engine) -> Engine:
        from adabench.workloads.shared.language_model.backends.merging_engine import merging
        from adabench.workloads.shared.language_model.backends.transformers_engine import (
            TransformersEngine,
        )

        assert isinstance(engine, TransformersEngine)
        return merging(engine)

    def _engine(self, spec: ModelSpec) -> Engine:
        if spec.kind == "builtin":
            from adabench.workloads.test_time.text.substrate.random_model import random_engine

            return random_engine(*self._place())
        from adabench.workloads.shared.sources.model_source import open_model

        return open_model(spec, self.device, self.dtype, found=self.found).engine

    def _ending(self, engine: Engine) -> Engine:
        """Return an engine that ends where the prompt says so, beside where its model does."""
        return StopStrings(engine, self.codec, self.ends, self.closes) if self.ends else engine

    def _pair(self, engine: Engine, target: SharedPrefix) -> Models | None:
        """Return the policy as a target, with its draft; None where it has none."""
        drafting = self._drafting(engine)
        if drafting is None:
            return None
        draft = SharedPrefix(self._ending(drafting), self.prefixes)
        judge: Scorer | None = TargetLikelihood(target, self.marks)
        if self.judge.kind != "likelihood":
            judge = self._judge(draft) if self.judge.kind == "hf" else None
        router = DraftDoubt(draft, self.marks)
        return Models(draft, judge, others={TARGET: target}, router=router)

    def _pool(self, draft: Engine, policy: SharedPrefix) -> Models:
        """Return the policy and its draft, with what both answered to questions for calibration."""
        responses = partial(read_responses, self.policy, self.draft)
        return Models(draft, None, others={LARGE: policy}, responses=responses)

    def _drafting(self, engine: Engine) -> Engine | None:
        """Return the draft; a server's policy has none, nor one whose layers are not of one make."""
        if self.policy.is_served:
            return None
        if self.draft is not None:
            return self._engine(self.draft)
        from adabench.workloads.shared.language_model.backends.thinned_model import can_thin, thin
        from adabench.workloads.shared.language_model.backends.transformers_engine import (
            TransformersEngine,
        )

        assert isinstance(engine, TransformersEngine)
        return thin(engine) if can_thin(engine) else None

    def _place(self) -> tuple[Any, Any]:
        from adabench.workloads.shared.sources.torch_place import torch_device, torch_dtype

        return torch_dtype(self.dtype, self.device), torch_device(self.device)

    def _judge(self, policy: SharedPrefix) -> Scorer | None:
        if self.judge.kind == "likelihood":
            return LikelihoodJudge(policy, self.marks)
        if self.judge.kind == "hf":
            from adabench.workloads.shared.sources.reward_source import open_reward
            from adabench.workloads.test_time.text.substrate.reward_models import RewardJudge
            from adabench.workloads.test_time.text.substrate.reward_shapes import shape

            model, tokenizer, head = open_reward(self.judge.name, *self._place())
            asked = shape(head, model, tokenizer, str(self.judge))
            return RewardJudge(str(self.judge), model, asked, self.codec, self.question)
        if self.judge.kind == "trained":
            from adabench.workloads.test_time.text.substrate.state_judge import trained_judge

            return trained_judge(self.policy, policy, self.marks)
        return None
