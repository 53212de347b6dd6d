"""Bouncing digits: the motion and the composition of Moving MNIST, for any number of digits at once.

The protocol of Srivastava et al. 2015 ("Unsupervised Learning of Video Representations using LSTMs", section 4.1),
as every later generator of Moving MNIST repeats it: a digit starts anywhere in the free canvas and moves along a
random direction with constant speed; each frame first takes a step, then bounces with the position clamped to the
edge (so the overshoot is lost), and only then is recorded; positions are truncated to whole pixels, and digits are
laid over each other by the maximum.

Axes: ... any leading axes (sequences, digits), T frames, D digits, H height, W width; positions are (y, x).
"""

import numpy as np
from numpy.typing import NDArray


def trajectories(
    start: NDArray[np.float64], angle: NDArray[np.float64], *, num_frames: int, step: float
) -> NDArray[np.float64]:
    """Positions of bouncing points in the unit square.

    The loop runs over time only, because a clamped bounce depends on the frame before it; all points move at once.

    Args:
        start: (..., 2) positions before the first step, in [0, 1].
        angle: (...) directions in radians; the velocity is (sin, cos) of it.
        num_frames: T.
        step: distance travelled in one frame, as a share of the unit square's side.

    Returns:
        (..., T, 2) positions in [0, 1].
    """
    position = start.copy()
    velocity = np.stack([np.sin(angle), np.cos(angle)], axis=-1) * step
    record = np.empty((num_frames, *position.shape))
    for t in range(num_frames):
        position += velocity
        np.clip(position, 0.0, 1.0, out=position)
        record[t] = position
        np.negative(velocity, out=velocity, where=(position == 0.0) | (position == 1.0))
    return np.moveaxis(record, 0, -2)


def compose(digits: NDArray[np.uint8], corners: NDArray[np.int32], *, canvas: int) -> NDArray[np.uint8]:
    """Draw moving digits on a black canvas; where they overlap, the brighter value stays.

    Args:
        digits: (D, H, W) images, 0..255.
        corners: (T, D, 2) pixel (y, x) of each digit's upper left corner; every digit lies inside the canvas.
        canvas: side of the square frames, in pixels.

    Returns:
        (T, canvas, canvas) frames, 0..255.
    """
    time = np.arange(len(corners))
    frames = np.zeros((len(corners), canvas, canvas), np.uint8)
    # One assignment per digit places it in all frames: windows[t, y, x] is the part of frame t that it covers.
    # (sliding_window_view gives the same; setting it up took a third of the time of drawing a sequence.)
    (height, width), (step, down, right) = digits.shape[1:], frames.strides
    windows: NDArray[np.uint8] = np.ndarray(
        (len(corners), canvas - height + 1, canvas - width + 1, height, width),
        np.uint8,
        buffer=frames,
        strides=(step, down, right, down, right),
    )
    for number, digit in enumerate(digits):
        place = time, corners[:, number, 0], corners[:, number, 1]
        windows[place] = np.maximum(windows[place], digit) if number else digit  # the first one falls on black
    return frames
