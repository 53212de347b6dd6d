"""Keeping the processor's memory between steps.

The C library gives blocks of more than 32 MiB back to the operating system when they are freed, and gets new ones page
by page, each of them cleared, when they are wanted again a moment later. Training on a CPU does that with every large
tensor of every step; the clearing can take longer than the arithmetic between. So what is freed is kept, and what stays
from step to step is made before anything else, so that the rest fits together again in every step.
"""

import ctypes
import sys

import torch
from torch.optim import Optimizer

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Names of mallopt's parameters in glibc's malloc.h."""


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed, for the rest of the process.

    Returns:
        Whether it does: only glibc (most of Linux) can be told.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # Large blocks come from the heap as small ones do, and the heap's end is never given back (-1).
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))


def make_state_first(optimizer: Optimizer) -> None:
    """Make an optimiser's state and room for gradients before the first step.

    They live from step to step. Made lazily, in the midst of the first backward pass, they would lie scattered among
    its tensors, and the next step's would no longer fit between them: the process grows by as much. Weights and what
    the first step does to them stay the same.
    """
    rates = [group["lr"] for group in optimizer.param_groups]
    weights = [weight for group in optimizer.param_groups for weight in group["params"] if weight.requires_grad]
    for group in optimizer.param_groups:
        group["lr"] = 0.0  # also no decay, which is in proportion
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for state in optimizer.state.values():
        state["step"].zero_()
    optimizer.zero_grad(set_to_none=True)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
