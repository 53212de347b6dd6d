"""Latency: how long one forecast takes, as somebody who waits for it would measure."""

import time
from collections.abc import Mapping, Sequence
from statistics import median

import torch

from framecast.evaluation.rows import Row
from framecast.frames.batch import Batch

_REPEATS = 5
_PATIENCE_SECONDS = 3.0
"""Of one forecaster; whoever is slower is measured once."""


@torch.inference_mode()
def latencies(rows: Sequence[Row], inputs: Mapping[bool, Batch]) -> dict[str, float]:
    """Median time of a forecast of a single clip, in seconds for each frame of the horizon.

    The first call, which also sets things up, does not count, unless it alone takes too long. Reading the clip and
    bringing the forecast back to the recording's size are not in it.

    Args:
        rows: the forecasters.
        inputs: a batch on the scale of models (False) and on that of baselines (True); its first clip is forecast.
    """
    found: dict[str, float] = {}
    for row in rows:
        batch = inputs[row.plain]
        one = Batch(batch.context[:1], batch.target[:1], None if batch.mask is None else batch.mask[:1])
        spent: list[float] = []
        for _ in range(1 + _REPEATS):
            began = time.perf_counter()
            row.predict(one)
            if one.context.device.type == "cuda":
                torch.cuda.synchronize(one.context.device)
            spent.append(time.perf_counter() - began)
            if sum(spent) > _PATIENCE_SECONDS:
                break
        found[row.name] = median(spent[1:] or spent) / one.horizon
    return found
