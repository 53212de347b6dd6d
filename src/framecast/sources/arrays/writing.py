"""Arrays in the native type: (T, H, W) for one channel, (T, H, W, C) for more, as readers of arrays expect them.

Axes: T frames, C channels, H height, W width.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framecast.sources.frame_facts import FrameFacts


def write_npy(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """One .npy array."""
    del facts
    np.save(path, _array(frames), allow_pickle=False)


def write_npz(path: Path, frames: NDArray[np.generic], facts: FrameFacts) -> None:
    """A compressed .npz with the array ``frames``."""
    del facts
    np.savez_compressed(path, frames=_array(frames))


def _array(frames: NDArray[np.generic]) -> NDArray[np.generic]:
    return frames[:, 0] if frames.shape[1] == 1 else np.ascontiguousarray(frames.transpose(0, 2, 3, 1))
