"""Parts: the scores of each group, class, day and channel, so that one number does not hide who pays for it."""

from collections.abc import Mapping, Sequence

import numpy as np

from framecast.clips.clip_set import ClipOrigin
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.metric import FloatArray
from framecast.metrics.scores import score

MOST_PARTS = 200
"""More groups than this are told in ``clips.csv`` and ``clips.npz`` alone."""

Parts = dict[str, dict[str, list[int]]]
"""Kind of part, then its name, then the clips that belong to it."""


def parts_of(origins: Sequence[ClipOrigin]) -> Parts:
    """Which clips belong to which group, class and day.

    A kind is left out where it says nothing (all clips in one part, each in its own) or too much (more than 200 parts).

    Args:
        origins: where the clips come from, in order.
    """
    found: Parts = {"group": {}, "class": {}, "day": {}}
    for index, origin in enumerate(origins):
        found["group"].setdefault(origin.group, []).append(index)
        if origin.label:
            found["class"].setdefault(origin.label, []).append(index)
        if origin.time is not None:
            found["day"].setdefault(origin.time.date().isoformat(), []).append(index)
    return {kind: parts for kind, parts in found.items() if 1 < len(parts) <= min(MOST_PARTS, len(origins) - 1)}


def scores_by(
    convention: Convention, per_clip: Mapping[str, FloatArray], parts: Parts
) -> dict[str, dict[str, dict[str, float]]]:
    """Overall values of every part.

    Args:
        convention: the one under which the statistics were gathered.
        per_clip: (N, T) or (N, T, K) by statistic, for all clips.
        parts: what :func:`parts_of` returns.
    """
    return {
        kind: {
            name: score(convention, {key: rows[np.array(clips)] for key, rows in per_clip.items()}).overall
            for name, clips in members.items()
        }
        for kind, members in parts.items()
    }
