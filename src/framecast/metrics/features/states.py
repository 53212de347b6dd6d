"""States of networks from files, without running anything that a file holds.

``.pth`` is read with ``weights_only``, which refuses everything but tensors; ``.safetensors`` can hold nothing else.
"""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from framecast.frames.errors import NotAvailableError


def read_state(path: Path) -> dict[str, Tensor]:
    """Read named tensors, on the CPU.

    Raises:
        NotAvailableError: the file cannot be read as weights.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        # Of a large file, only what is wanted needs to be read from the disk; older files know no such way.
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise NotAvailableError(f"'{path}' cannot be read as weights: {_first_line(error)}.") from error
    except Exception as error:
        if type(error).__module__.startswith("safetensors"):  # whose error class has no base of its own
            raise NotAvailableError(f"'{path}' cannot be read as weights: {_first_line(error)}.") from error
        raise
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise NotAvailableError(f"'{path}' does not hold the named tensors of a network.")
    return content


def fill(layers: nn.Module, path: Path, *, prefix: str, what: str) -> None:
    """Give a network the weights of a file and freeze it.

    Args:
        layers: the network, float32 on the CPU.
        path: the file. Tensors under other prefixes (a classifier) are left out.
        prefix: what stands before the names of the network's tensors in the published file. A file that has it nowhere
            is taken to name them directly.
        what: the network's name in errors.

    Raises:
        NotAvailableError: the file cannot be read, or is not of this network.
    """
    state = read_state(path)
    if any(name.startswith(prefix) for name in state):
        state = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    wanted = layers.state_dict()
    for name, value in wanted.items():
        found = state.get(name)
        if found is None or found.shape != value.shape:
            held = "is missing" if found is None else f"has the shape {tuple(found.shape)}, not {tuple(value.shape)}"
            raise NotAvailableError(f"'{path}' does not hold weights of {what}: '{prefix}{name}' {held}.")
    layers.load_state_dict({name: state[name].to(torch.float32) for name in wanted})
    layers.requires_grad_(False)
    layers.eval()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
