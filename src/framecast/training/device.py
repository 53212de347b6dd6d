"""Which device and which precision, when the user leaves it open; and float32 that means float32."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch

from framecast.frames.errors import ConfigurationError
from framecast.runs.config import Device, Precision

_NATIVE_ON_CPU = ("avx512_bf16", "amx_bf16")
"""Instruction sets of x86 processors that multiply bfloat16; without them it is emulated, slower than float32."""


def choose_device(device: Device) -> Literal["cpu", "cuda", "mps"]:
    """Resolve ``auto`` to cuda, then mps, then the CPU.

    Raises:
        ConfigurationError: the device asked for is not on this machine.
    """
    there: list[Literal["cpu", "cuda", "mps"]] = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    if device == "auto":
        return there[0]
    if device not in there:
        raise ConfigurationError(f"There is no device '{device}' here; this machine has: {', '.join(there)}.")
    return device


def choose_precision(device: Literal["cpu", "cuda", "mps"], precision: Precision) -> Literal[32, "bf16"]:
    """Resolve ``auto`` to bfloat16 autocast where the processor computes in bfloat16 itself, and to float32 elsewhere.

    That is a GPU that does not emulate it, and a CPU with AVX512-BF16 or AMX-BF16; mps stays with float32.
    """
    if precision != "auto":
        return precision
    match device:
        case "cuda":
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        case "cpu":
            native = _cpu_has_bfloat16()
        case "mps":
            native = False
    return "bf16" if native else 32


@contextmanager
def computing(device: Literal["cpu", "cuda", "mps"], precision: Precision) -> Generator[None, None, None]:
    """Compute forecasts in this precision within the block.

    float32 is taken at its word: PyTorch lets NVIDIA GPUs round the inputs of float32 convolutions to ten bits (TF32)
    unless told otherwise, and then a score would depend on the machine without a sign of it.
    """
    if choose_precision(device, precision) == "bf16":
        with torch.autocast(device, dtype=torch.bfloat16):
            yield
        return
    cudnn: Any = torch.backends.cudnn
    convolutions = cudnn.conv
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = before


def _cpu_has_bfloat16() -> bool:
    """What PyTorch finds out about this processor; one that it cannot tell about computes in float32."""
    if not torch.backends.mkldnn.is_available():  # the library that has the instructions' kernels
        return False
    ask: Any = getattr(torch.cpu, "get_capabilities", None)
    found: Mapping[str, Any] = {} if ask is None else ask()
    return any(found.get(name, False) for name in _NATIVE_ON_CPU)
