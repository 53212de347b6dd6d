"""DIS optical flow by OpenCV: dense, fast, and good at large motions.

T. Kroeger, R. Timofte, D. Dai and L. Van Gool, "Fast optical flow using dense inverse search" (ECCV 2016). OpenCV
searches in a fixed number of stripes, so that the number of threads changes nothing; a fresh object for each pair
keeps the settings that a small picture would otherwise leave behind.

Axes: B pairs, H height, W width; vectors are (x to the right, y downwards) in pixels.
"""

from importlib import import_module
from math import log2
from typing import Any

import numpy as np
import torch
from torch import Tensor

from framecast.models.layers.optical_flow import finest_level

_PATCH, _STRIDE = 8, 4
_SMALLEST_SIDE = 2 * _PATCH
"""Smaller pictures are continued by their edges: OpenCV refuses them."""


def opencv() -> Any | None:
    """OpenCV, where it is installed."""
    try:
        return import_module("cv2")
    except ImportError:
        return None


def dis_flow(cv2: Any, first: Tensor, second: Tensor) -> Tensor:
    """Where each pixel of the first picture is found in the second.

    Args:
        cv2: OpenCV.
        first: (B, H, W) float32, from 0 to 1, on any device; DIS sees them with 8 bits.
        second: the same.

    Returns:
        (B, 2, H, W) float32 on the same device: first(x) looks like second(x + flow(x)).
    """
    height, width = first.shape[-2:]
    pictures = (torch.stack([first, second], dim=1) * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    edges = [(0, max(_SMALLEST_SIDE - length, 0)) for length in (height, width)]
    pictures = np.ascontiguousarray(np.pad(pictures, [(0, 0), (0, 0), *edges], mode="edge"))
    shortest = min(pictures.shape[-2:])
    finest = min(finest_level(height, width), int(log2(shortest / _PATCH)))
    flows = np.empty((len(pictures), height, width, 2), dtype=np.float32)
    for pair, flow in zip(pictures, flows, strict=True):
        search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        search.setFinestScale(finest)
        search.setPatchSize(_PATCH)
        search.setPatchStride(_STRIDE)
        flow[:] = search.calc(pair[0], pair[1], None)[:height, :width]
    return torch.from_numpy(flows).to(first.device).permute(0, 3, 1, 2)
