"""Tallies: what is counted while clips pass by, so that memory does not grow with frames but with figures.

Axes: B clips, S members of an ensemble, T leads, C channels, H height, W width.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from numpy.typing import NDArray
from torch import Tensor

from framecast.clips.clip_set import ClipSet
from framecast.evaluation.diagrams import ErrorMap, diagrams_of
from framecast.evaluation.rows import Row
from framecast.evaluation.scales import Frames, chosen_channels, forecast_on, truth_on
from framecast.frames.batch import Batch
from framecast.metrics.accumulator import Accumulator
from framecast.metrics.conventions.convention import Convention, Space
from framecast.metrics.metric import FloatArray
from framecast.metrics.spectrum import wavenumbers
from framecast.metrics.statistic import EnsembleStatistic
from framecast.runs.run import Run

MOST_CHANNELS = 8
"""More channels than this are not scored one by one."""


@final
class Tallies:
    """Statistics by convention and row, those of single channels, and error maps."""

    def __init__(self, rows: Sequence[Row], conventions: Sequence[Convention], clips: ClipSet, run: Run) -> None:
        self._rows, self._conventions, self._run, self._dtype = rows, conventions, run, clips.dtype
        self._spaces: set[Space] = {convention.space for convention in conventions}
        self._wanted = run.record.spec.forecast_channels
        self._names = _channel_names(clips, self._wanted, run.record.spec.channels)
        self.of = {(c.name, row.name): Accumulator(c) for c in conventions for row in rows}
        """By names of convention and row."""
        single = conventions[0].of_one_channel()
        self._of_channel = {(row.name, name): Accumulator(single) for row in rows for name in self._names}
        self._maps = {row.name: ErrorMap() for row in rows}
        self._needs_members = any(
            isinstance(statistic, EnsembleStatistic)
            for convention in conventions
            for metric in convention.metrics
            for statistic in metric.statistics
        )

    def add(self, inputs: Mapping[bool, Batch], device: torch.device) -> float:
        """Forecast a batch with every row, and count; returns the seconds that the first row took."""
        normaliser = self._run.normaliser
        scale_of = {False: normaliser, True: normaliser.plain()}
        valid = inputs[True].target_mask
        mask = None if valid is None else chosen_channels(valid, self._wanted)
        truth = self._chosen(truth_on(self._spaces, inputs[True].target, normaliser, dtype=self._dtype))
        seconds = 0.0
        for number, row in enumerate(self._rows):
            started = time.perf_counter()
            forecast = row.predict(inputs[row.plain])
            if number == 0:
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                seconds = time.perf_counter() - started
            found = self._chosen(forecast_on(self._spaces, forecast.frames, scale_of[row.plain], dtype=self._dtype))
            if forecast.members is None or not self._needs_members:
                self._count(row, found, truth, mask, {})
            else:  # clip by clip: on every scale, members are many frames
                for clip, ensemble in enumerate(forecast.members):
                    one = slice(clip, clip + 1)
                    scaled = self._chosen(forecast_on(self._spaces, ensemble, scale_of[row.plain], dtype=self._dtype))
                    self._count(
                        row,
                        {space: frames[one] for space, frames in found.items()},
                        {space: frames[one] for space, frames in truth.items()},
                        None if mask is None else mask[one],
                        {space: frames[None] for space, frames in scaled.items()},
                    )
            space = self._conventions[0].space
            self._maps[row.name].add(found[space], truth[space], mask)
        return seconds

    def _count(self, row: Row, found: Frames, truth: Frames, mask: Tensor | None, members: Frames) -> None:
        """Add clips of one row: (B, T, C, H, W) by scale, and (B, S, T, C, H, W) of an ensemble."""
        for convention in self._conventions:
            space = convention.space
            self.of[convention.name, row.name].update(found[space], truth[space], mask, members.get(space))
        space = self._conventions[0].space
        for channel, name in enumerate(self._names):
            part = slice(channel, channel + 1)
            self._of_channel[row.name, name].update(
                found[space][:, :, part],
                truth[space][:, :, part],
                None if mask is None else mask[:, :, part],
                members[space][:, :, :, part] if space in members else None,
            )

    def per_clip(self, convention: Convention) -> dict[str, dict[str, FloatArray]]:
        """By row, the statistics under a convention."""
        return {row.name: self.of[convention.name, row.name].per_clip for row in self._rows}

    def by_channel(self, convention: Convention, row: str) -> dict[str, dict[str, dict[str, float]]]:
        """Scores of each channel by itself, under the leading convention alone."""
        if convention is not self._conventions[0] or not self._names:
            return {}
        return {"channel": {name: self._of_channel[row, name].scores().overall for name in self._names}}

    def diagrams(self) -> dict[str, NDArray[Any]]:
        """What is drawn of all clips together (see :mod:`framecast.evaluation.diagrams`)."""
        found: dict[str, NDArray[Any]] = {f"error_map/{name}": errors.mean() for name, errors in self._maps.items()}
        for (_, row), tally in self.of.items():
            drawn = diagrams_of(tally.per_clip, row)
            found |= {name: array for name, array in drawn.items() if name not in found}
        if "spectrum/truth" in found:
            found["spectrum_wavenumber"] = wavenumbers(self._run.record.spec.height, self._run.record.spec.width)
        return found

    def _chosen(self, frames: Frames) -> dict[Space, Tensor]:
        return {space: chosen_channels(values, self._wanted) for space, values in frames.items()}


def _channel_names(clips: ClipSet, wanted: Sequence[int], channels: int) -> list[str]:
    """Of the channels that are scored one by one; none where there is only one, or there are too many."""
    chosen = list(wanted or range(channels))
    if not 2 <= len(chosen) <= MOST_CHANNELS:
        return []
    named = clips.source.sequences[clips.clip(0).sequence].info.channel_names
    names = [named[channel] if channel < len(named) else str(channel + 1) for channel in chosen]
    return names if len(set(names)) == len(names) else [str(channel + 1) for channel in chosen]
