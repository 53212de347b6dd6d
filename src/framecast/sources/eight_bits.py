"""From native values to the 8 bits that pictures and videos hold.

Axes: T frames, C channels, H height, W width.
"""

import numpy as np
from numpy.typing import NDArray

from framecast.frames.errors import SourceError
from framecast.frames.sequence import range_of_dtype
from framecast.sources.values import native_range


def eight_bits(frames: NDArray[np.generic], value_range: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Frames as pictures: the value range mapped linearly to 0 .. 255, rounded and clipped; NaN becomes 0.

    Args:
        frames: (T, C, H, W) in any numeric type; C is 1 or 3.
        value_range: lowest and highest native value. None: the type's own range (8- and 16-bit unsigned, bool).

    Returns:
        (T, H, W, C).

    Raises:
        SourceError: another number of channels, or a type whose range nobody knows.
    """
    check_channels(frames)
    # Of 16 bits nobody knows how many are used; that no value is cut off is what matters in a picture.
    unsigned = frames.dtype.kind == "u" and frames.dtype.itemsize == 2
    limits = value_range or (range_of_dtype(frames.dtype) if unsigned else native_range(frames.dtype, None))
    if limits is None:
        raise SourceError(
            f"Frames of type {frames.dtype} need a value range to become pictures; give value_range, or write them "
            "to .npy or .npz."
        )
    channels_last = frames.transpose(0, 2, 3, 1)
    if frames.dtype == np.uint8 and limits == (0, 255):
        return np.ascontiguousarray(channels_last, np.uint8)
    out = np.empty(channels_last.shape, np.uint8)
    low, high = limits
    for index, frame in enumerate(channels_last):
        scaled = np.nan_to_num((frame.astype(np.float64) - low) * (255.0 / (high - low)), nan=0.0)
        out[index] = np.rint(np.clip(scaled, 0.0, 255.0))
    return out


def check_channels(frames: NDArray[np.generic]) -> None:
    """Raise SourceError unless (T, C, H, W) frames can be pictures."""
    if frames.shape[1] not in (1, 3):
        raise SourceError(
            f"A picture holds 1 or 3 channels, these frames have {frames.shape[1]}; write them to .npy or .npz."
        )
