"""Formulas: pointwise functions that can run fused, in one pass over memory.

A recurrent cell is a convolution and then some twenty products, sums and logistic functions of every value. One after
the other each of them reads and writes memory; compiled into one loop (C++ with OpenMP on a CPU, Triton on a GPU) they
do it once. A formula is written in plain PyTorch and means the same either way; only the last bits differ.

Compiling takes seconds, so it is for work that is long enough to pay for it (``training.compile``). PyTorch keeps what
it compiled on disk. Sizes are symbols in it: no other batch, horizon, frame size or width compiles anything again.
"""

import shutil
import time
import warnings
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, final

import torch
from torch import Tensor


def can_fuse(device: torch.device | str) -> bool:
    """Whether this machine has what compiling needs: Triton for a CUDA device, a C++ compiler for the CPU."""
    match torch.device(device).type:
        case "cuda":
            from torch.utils._triton import has_triton

            return has_triton()
        case "cpu":
            return any(shutil.which(compiler) for compiler in ("g++", "clang++", "c++", "cl"))
        case _:
            return False


def compile_seconds() -> float:
    """How long this process has spent on compiling formulas."""
    return sum(formula.seconds for formula in _FORMULAS)


_FORMULAS: list["Formula"] = []


@final
class Formula:
    """A pointwise function of tensors, plain or fused. Used as a decorator.

    Args:
        function: takes tensors (or None) by position and settings by name, returns new tensors.
    """

    seconds: float
    """Spent on compiling so far."""

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self._compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self.seconds = 0.0
        _FORMULAS.append(self)

    def __call__(self, *tensors: Tensor | None, fused: bool, **settings: Any) -> Any:
        """Apply the formula.

        Args:
            tensors: what it is applied to.
            fused: run the compiled form, made on the first call with such types and settings.
            settings: constants of the formula.
        """
        if not fused or torch.compiler.is_compiling():  # whoever compiles the whole model fuses this with the rest
            return self._function(*tensors, **settings)
        # Bare values: PyTorch would compile again for each shape of whatever a view was taken from.
        values = [None if tensor is None else tensor.data for tensor in tensors]
        variant = (
            *(None if tensor is None else (tensor.dtype, tensor.device) for tensor in tensors),
            *settings.items(),
        )
        compiled = self._compiled.get(variant)
        if compiled is not None:
            return compiled(*values)
        begin = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's compiler uses old parts of PyTorch
            compiled = self._compiled[variant] = self._compile(settings)
            results = compiled(*values)
        self.seconds += time.perf_counter() - begin
        return results

    def _compile(self, settings: dict[str, Any]) -> Callable[..., Any]:
        function = self._function
        # PyTorch counts what it compiles by code object and gives up after a few; each variant gets one of its own.
        code = function.__code__.replace(co_name=f"{function.__name__}_{len(self._compiled)}")
        copy = FunctionType(code, function.__globals__, code.co_name, function.__defaults__, function.__closure__)
        copy.__kwdefaults__ = function.__kwdefaults__
        return partial(torch.compile(copy, dynamic=True), **settings)
