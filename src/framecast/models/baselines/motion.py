"""Motion: how what a clip shows was moving when it ended, in pixels a frame.

It is that from the last frame but one to the last, seen from the last one: that is where a forecast starts. Averaging
over three pairs was measured: better for shaky films, worse for radar, cells and whatever bounces; so it is not done.

The picture in which motion is looked for is the mean of the channels that are to be forecast. Rates and amounts of rain
are looked at in decibels (10 log10 of mm/h, floor at 0.1 mm/h), in which light and heavy rain count alike; everything
else as it is. Its contrast is stretched, between the half per cent of darkest and of brightest values (rain: between
the floor and the highest), clip by clip, so that dim recordings move as bright ones do. Nothing moves in a picture
without contrast. Missing values are seen as what they were filled with: a border of theirs stands still, and holds what
is near it back a little.

Axes: B clips, K context frames, C channels, H height, W width; vectors are (x to the right, y downwards) in pixels.
"""

import torch
from torch import Tensor

from framecast.frames.clip import ClipSpec
from framecast.frames.quantity import Quantity
from framecast.models.baselines.dis_flow import dis_flow, opencv
from framecast.models.baselines.rain_scale import FLOOR_DB, rain_kind, to_decibels, to_native, to_rate
from framecast.models.layers.optical_flow import optical_flow

_TAIL = 0.005
"""Share of the darkest, and of the brightest values that stretching cuts off."""


def motion_of(context: Tensor, spec: ClipSpec, quantity: Quantity) -> Tensor:
    """Estimate the motion at the end of each clip.

    Args:
        context: (B, K, C, H, W), normalised, K at least 2; what is not finite counts as 0.
        spec: says which channels are to be forecast.
        quantity: says whether it rains.

    Returns:
        (B, 2, H, W) float32: what is at x in the last frame was at x - motion(x) in the frame before.
    """
    before, last = _pictures(context[:, -2:], spec, quantity).unbind(dim=1)
    cv2 = opencv()
    return -(optical_flow(last, before) if cv2 is None else dis_flow(cv2, last, before))


def _pictures(frames: Tensor, spec: ClipSpec, quantity: Quantity) -> Tensor:
    """(B, 2, H, W) float32, from 0 to 1."""
    frames = frames.float().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    rains = rain_kind(quantity) in ("rate", "amount")
    if rains:
        frames = to_decibels(to_rate(to_native(frames, quantity), quantity))
    channels = spec.forecast_channels or tuple(range(frames.shape[2]))
    # One after the other: the order of a sum over channels is then the same for every size of batch.
    pictures = sum((frames[:, :, channel] for channel in channels[1:]), start=frames[:, :, channels[0]]) / len(channels)
    values = pictures.flatten(1)
    lowest, highest = values.amin(dim=1), values.amax(dim=1)
    if rains:
        low, high = torch.full_like(lowest, FLOOR_DB), highest
    else:
        cut = int(_TAIL * values.shape[1])
        low, high = values.kthvalue(1 + cut, dim=1).values, values.kthvalue(values.shape[1] - cut, dim=1).values
        sparse = high <= low  # fewer pixels than are cut off show anything
        low, high = torch.where(sparse, lowest, low), torch.where(sparse, highest, high)
    low, width = low.view(-1, 1, 1, 1), (high - low).view(-1, 1, 1, 1)
    return torch.where(width > 0, (pictures - low) / width.clamp(min=1e-12), 0.0).clamp(0, 1)
