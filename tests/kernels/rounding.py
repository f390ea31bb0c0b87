"""How far a result in 16 or 32 bits may lie from the exact one, from what was multiplied.

u is the unit roundoff of a type, eps / 2. An inner product of length K that is accumulated
in fp32 errs, with random signs, by about sqrt(K) u32 sum |a_i b_i| (Higham and Mary, 2019: the
probabilistic bound, against K u32 in the worst case). A value stored in the type errs by u of
itself; errors of K stored values that are multiplied and added up have random signs as well,
so their squares add. LAMBDA standard deviations are allowed, which thousands of results stay
below. The interpreter stores bfloat16 by truncation, which is why u is not halved for it.
"""

import torch
from torch import Tensor

LAMBDA = 6.0
U32 = torch.finfo(torch.float32).eps / 2


def unit(dtype: torch.dtype) -> float:
    eps = torch.finfo(dtype).eps
    return eps if dtype == torch.bfloat16 else eps / 2


def accumulated(a: Tensor, b: Tensor) -> Tensor:
    """Error of a @ b.T from accumulating in fp32; float64 in and out."""
    return LAMBDA * a.shape[1] ** 0.5 * U32 * (a.abs() @ b.abs().T)


def stored(error: Tensor, b: Tensor) -> Tensor:
    """Error of a @ b.T when every a_ik is off by up to error_ik with a random sign."""
    return LAMBDA * (error.square() @ b.square().T).sqrt()
