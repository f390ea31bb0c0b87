"""Gates, codes and transport: what is closed is removed, and what remains says the same."""

import pytest
import torch

from adabench.workloads.depth_width.draw.methods.aptp.architecture_codes import (
    MEAN_NOISE,
    Router,
    contrast,
    hard,
    likeness,
    normalised,
    relaxed,
    router_of,
    transported,
)
from adabench.workloads.depth_width.draw.methods.aptp.prompt_lots import lots
from adabench.workloads.depth_width.draw.substrate import gated_unet
from adabench.workloads.depth_width.draw.substrate.diffusion import noisy, remove_noise
from adabench.workloads.depth_width.draw.substrate.gated_unet import (
    BLOCKS,
    GATES,
    GROUPS,
    INNER,
    GatedUNet,
    hardened,
    multiplications,
    parameters,
    shares,
)
from adabench.workloads.depth_width.draw.substrate.trained_arms import (
    Arm,
    restored_arm,
    stored,
)
from adabench.workloads.shared.training import weight_packing


def structure_of(seed: int, closed: tuple[int, ...] = ()) -> torch.Tensor:
    """Return a structure by lot, with some blocks closed."""
    random = torch.Generator().manual_seed(seed)
    found = (torch.rand(GATES, generator=random) < 0.5).float()
    found[-len(BLOCKS) :] = 1.0
    for place in closed:
        found[place - len(BLOCKS)] = 0.0
    return found


@pytest.mark.parametrize("side", [8, 12, 14])
@pytest.mark.parametrize("closed", [(), (0,), (1, 3), (0, 1, 2, 3)])
def test_a_hardened_network_says_what_its_gates_say(side: int, closed: tuple[int, ...]) -> None:
    torch.manual_seed(side)
    whole, structure = GatedUNet().requires_grad_(False), structure_of(side, closed)
    x, time, prompt = torch.randn(3, side, side), torch.rand(3), torch.randn(3, 32)
    masked = whole(x, time, prompt, structure.expand(3, -1))
    small = hardened(whole, structure)
    assert torch.allclose(masked.velocity, small.velocity(x, time, prompt), atol=1e-5)
    assert sum(value.numel() for value in small.parameters()) == parameters(small.hidden)
    assert set(small.blocks) == {
        name for i, name in enumerate(BLOCKS) if i not in closed and small.hidden[i]
    }


def test_multiplications_are_those_of_the_layers_that_run() -> None:
    hidden, counted = hardened(GatedUNet(), structure_of(3)).hidden, 0

    def count(layer: torch.nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> None:
        nonlocal counted
        each = layer.weight[0].numel()
        counted += (
            out[0].numel() * each if isinstance(layer, torch.nn.Conv2d) else layer.weight.numel()
        )

    model = GatedUNet(hidden)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(count)
    model.velocity(torch.randn(1, 12, 12), torch.rand(1), torch.randn(1, 32))
    assert counted == multiplications(hidden, 12)


def test_shares_are_of_multiplications() -> None:
    structures = torch.stack([structure_of(1), structure_of(2, (1,)), torch.ones(GATES)])
    expected = [
        multiplications(hardened(GatedUNet(), one).hidden, 12) / multiplications(INNER, 12)
        for one in structures
    ]
    assert shares(structures, 12).tolist() == pytest.approx(expected)


def test_relaxed_gates_open_one_of_each_block_and_close_blocks_in_order() -> None:
    logits = torch.full((1, GATES), -20.0)
    gates = hard(relaxed(logits, MEAN_NOISE))[0]
    widths = gates[: len(BLOCKS) * GROUPS].view(len(BLOCKS), GROUPS)
    assert widths.tolist() == [[1.0] + [0.0] * (GROUPS - 1)] * len(BLOCKS)
    closing = []
    for strength in range(0, 60, 2):
        logits = torch.zeros(1, GATES)
        logits[0, -1] = float(
            strength
        )  # all of the softmax on the last entry closes all blocks but one
        closing.append(int(hard(relaxed(logits, MEAN_NOISE))[0, -len(BLOCKS) :].sum()))
    assert closing == sorted(closing, reverse=True)
    assert closing[-1] == 1


def test_a_shift_changes_widths_and_no_route() -> None:
    random = torch.Generator().manual_seed(0)
    draws = [torch.randn(shape, generator=random) for shape in ((GATES, 32), (GATES,), (4, GATES))]
    prompts = torch.randn(50, 32, generator=random)
    open_, closed = Router(*draws, shift=2.0), Router(*draws, shift=-4.0)
    assert shares(open_.structures(), 12).mean() > shares(closed.structures(), 12).mean()
    assert open_.route(prompts).equal(closed.route(prompts))


def test_straight_through_gates_are_hard_and_have_the_relaxed_gradient() -> None:
    logits = torch.randn(3, GATES, requires_grad=True)
    gates = hard(relaxed(logits, MEAN_NOISE))
    assert set(gates.detach().unique().tolist()) <= {0.0, 1.0}
    gates.sum().backward()
    assert logits.grad is not None
    assert float(logits.grad.abs().sum()) > 0


def test_transport_deals_prompts_evenly_where_all_like_one_code() -> None:
    similarity = torch.rand(64, 4, generator=torch.Generator().manual_seed(1)) * 0.1
    similarity[:, 2] += 0.2
    assert similarity.argmax(1).bincount(minlength=4).tolist() == [0, 0, 64, 0]
    assert transported(similarity).bincount(minlength=4).min() >= 10


def test_contrast_is_least_where_gates_are_as_alike_as_prompts() -> None:
    random = torch.Generator().manual_seed(2)
    gates = (torch.rand(8, GATES, generator=random) < 0.5).float()
    gates[:, -len(BLOCKS) :] = 1.0
    others = gates.roll(1, 0)
    alike = normalised(gates)
    assert likeness(gates, gates).diag().tolist() == pytest.approx([1.0] * 8, abs=1e-5)
    assert float(contrast(gates, alike)) < float(contrast(others, alike))


def test_lots_keep_shares_and_always_deal_a_prompt_alike() -> None:
    prompts = [(f"w{i}", "bold") for i in range(2000)]
    dealt = lots(prompts, torch.tensor([3, 1, 0]))
    assert dealt.bincount(minlength=3)[:2].tolist() == pytest.approx([1500, 500], abs=80)
    assert int((dealt == 2).sum()) == 0
    assert lots(prompts[7:9], torch.tensor([3, 1, 0])).equal(dealt[7:9])


def test_noise_of_known_velocity_is_removed() -> None:
    """A denoiser that knows the picture draws it, whatever noise it begins with."""
    picture, random = torch.rand(2, 8, 8) * 1.6 - 0.8, torch.Generator().manual_seed(3)

    def knows(x: torch.Tensor, time: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
        clean = picture.repeat(2, 1, 1)
        angle = (time * torch.pi / 2)[:, None, None]
        noise = (x - angle.cos() * clean) / angle.sin()
        return noisy(clean, time, noise).velocity

    start = torch.randn(2, 8, 8, generator=random)
    assert torch.allclose(remove_noise(knows, start, torch.zeros(2, 32), 5), picture, atol=1e-4)


def test_a_file_gives_back_structures_exactly_and_weights_nearly() -> None:
    torch.manual_seed(4)
    whole = GatedUNet().requires_grad_(False)
    random = torch.Generator().manual_seed(4)
    router = Router(
        *(
            torch.randn(shape, generator=random).half().float()
            for shape in ((GATES, 32), (GATES,), (2, GATES))
        ),
        shift=-1.25,
    )
    structures = router.structures()
    networks = tuple(hardened(whole, one) for one in structures)
    for network in networks:
        for value in network.state_dict().values():
            value += 0.01 * torch.randn(value.shape, generator=random)
    arm = Arm(networks, structures, router.parts(), None)
    fixed = Arm(networks[:1], structures[:1], {}, torch.tensor([0.75, 0.25]))
    file = weight_packing.unpacked(stored(whole, {"aptp": arm, "magnitude": fixed}))
    back = restored_arm(file, "aptp")
    assert back.structures.equal(structures)
    assert router_of(back.router).codes.equal(router.codes)
    assert router_of(back.router).shift == router.shift
    x, time, prompt = torch.randn(4, 12, 12), torch.rand(4), torch.randn(4, 32)
    for before, after in zip(networks, back.networks, strict=True):
        one, two = before.velocity(x, time, prompt), after.velocity(x, time, prompt)
        assert float((one - two).detach().abs().max()) < 0.05
    other = restored_arm(file, "magnitude")
    assert other.structures.equal(structures[:1])
    assert other.shares is not None
    assert other.shares.tolist() == [0.75, 0.25]


def test_groups_divide_widths() -> None:
    assert all(inner % GROUPS == 0 for inner in INNER)
    assert len(BLOCKS) * (GROUPS + 1) == gated_unet.GATES
