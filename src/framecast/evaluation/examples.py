"""Examples: the clips whose frames are kept for the report, and their frames."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.clips.clip_set import ClipSet
from framecast.evaluation.results import Example, ExampleClip
from framecast.evaluation.rows import Row
from framecast.evaluation.scales import chosen_channels, forecast_on, on_plain_scale, truth_on
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.scores import clip_values
from framecast.runs.run import Run


def choose_examples(tally: Accumulator, clips: ClipSet, metric_name: str) -> list[tuple[int, ExampleClip]]:
    """The clips with the median, lowest and highest error of the model; one without a value to score shows nothing.

    Args:
        tally: of the model, under the leading convention.
        clips: those that were evaluated, in order.
        metric_name: a metric of errors; where no clip has a value of it by itself (that of a set), one clip is taken.
    """
    metric = next(metric for metric in tally.convention.metrics if metric.name == metric_name)
    values = clip_values(metric, tally.per_clip)
    order = np.argsort(values, kind="stable")
    # A clip without any value to score added 0 to everything.
    scored = np.any([(rows != 0).reshape(len(rows), -1).any(axis=1) for rows in tally.per_clip.values()], axis=0)
    order = order[scored[order]] if scored.any() else order
    places: list[tuple[Example, int]] = [("typical", len(order) // 2), ("best", 0), ("worst", len(order) - 1)]
    if np.isnan(values).all():
        places = places[:1]
    kept: dict[int, ExampleClip] = {}
    for why, place in places:
        index = int(order[place])
        origin = clips.describe(index)
        example = ExampleClip(why=why, sequence=origin.sequence, start=origin.start, score=float(values[index]))
        kept.setdefault(index, example)
    return list(kept.items())


@torch.inference_mode()
def example_frames(
    rows: Sequence[Row], clips: ClipSet, indices: Sequence[int], run: Run, device: torch.device
) -> dict[str, NDArray[np.float32]]:
    """The frames of a few clips as ``examples.npz`` holds them (see :mod:`framecast.evaluation.results`)."""
    batch = clips.batch(indices).to(device)
    inputs = {False: batch, True: on_plain_scale(batch, run.normaliser)}
    scale_of = {False: run.normaliser, True: run.normaliser.plain()}
    there = torch.ones_like(batch.frames, dtype=torch.bool) if batch.mask is None else batch.mask

    def drawn(frames: Tensor) -> NDArray[np.float32]:
        chosen = chosen_channels(frames, run.record.spec.forecast_channels)
        return chosen.clamp(0, 1).float().cpu().numpy()

    truth = truth_on(("unit",), inputs[True].frames, run.normaliser, dtype=clips.dtype)["unit"].where(there, torch.nan)
    frames = {"context": drawn(truth[:, : -batch.horizon]), "truth": drawn(truth[:, -batch.horizon :])}
    for row in rows:
        forecast = row.predict(inputs[row.plain]).frames
        unit = forecast_on(("unit",), forecast, scale_of[row.plain], dtype=clips.dtype)["unit"]
        frames[f"forecast/{row.name}"] = drawn(unit)
    return frames
