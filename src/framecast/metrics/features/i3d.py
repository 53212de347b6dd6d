"""I3D (Carreira and Zisserman 2017), trained on Kinetics-400: the network behind the Fréchet video distance.

The published file is a TorchScript program, which runs what it holds. It is therefore read only after its checksum
agrees with the one that is expected.

Axes: B clips, T frames, C channels, H height, W width.
"""

import hashlib
import io
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from framecast.frames.errors import NotAvailableError
from framecast.metrics.features.weights import I3D, how_to_get

NUM_LOGITS = 400
"""One for each class of Kinetics-400."""

MIN_FRAMES = 10
"""Shorter films have no features: the network halves time again and again."""


@final
class VideoFeatures:
    """The network's logits. It scales frames to 224x224 by itself, bilinearly."""

    def __init__(self, program: Any) -> None:
        self._program = program

    def logits(self, films: Tensor) -> Tensor:
        """Look at films.

        Args:
            films: (B, T, 3, H, W) red, green and blue in [0, 1], float32, at least :data:`MIN_FRAMES` frames.

        Returns:
            (B, 400).
        """
        values = films.permute(0, 2, 1, 3, 4) * 255.0
        return self._program(values, rescale=True, resize=True, return_features=True)


def i3d(device: torch.device, path: str | None = None, checksum: str | None = None) -> VideoFeatures:
    """The network.

    Args:
        device: where it is to run.
        path: a file that the user names; None looks for the published one.
        checksum: of that file, ``"sha256:…"``; None is the published one.

    Raises:
        NotAvailableError: it is not there, or its checksum is another one.
    """
    found = I3D.require(path)
    status = found.stat()
    return _load(found, checksum or I3D.remote.checksum, device, status.st_mtime_ns, status.st_size)


def i3d_unavailable(path: str | None = None, checksum: str | None = None) -> str | None:
    """Why the network cannot be had, and how to get it; None where it can."""
    try:
        _verified(I3D.require(path), checksum or I3D.remote.checksum)
    except NotAvailableError as error:
        return str(error)
    return None


@lru_cache(maxsize=2)
def _load(path: Path, checksum: str, device: torch.device, _changed: int, _num_bytes: int) -> VideoFeatures:
    content = _verified(path, checksum)
    try:
        with warnings.catch_warnings():
            # PyTorch wants TorchScript to be replaced by torch.export; the published file exists as TorchScript only.
            warnings.filterwarnings("ignore", message=r"`?torch\.jit", category=DeprecationWarning)
            program: Any = torch.jit.load(io.BytesIO(content), map_location=device)
    except RuntimeError as error:
        raise NotAvailableError(f"'{path}' is no TorchScript program: {str(error).splitlines()[0]}") from error
    return VideoFeatures(program.eval())


def _verified(path: Path, checksum: str) -> bytes:
    """What the file holds, read once, so that what was checked is what is run."""
    content = path.read_bytes()
    algorithm = checksum.partition(":")[0]
    found = f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"
    if found != checksum:
        raise NotAvailableError(
            f"'{path}' is not the file that is expected: its checksum is {found}, expected is {checksum}. It is a "
            f"program, so it was not run; {how_to_get(I3D)}."
        )
    return content
