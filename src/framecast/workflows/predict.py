"""Predict: the frames that follow a recording, written in the format that the output's ending names."""

from collections.abc import Sequence as Listing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.forecasting.predictor import Predictor
from framecast.frames.errors import ConfigurationError, SourceError
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Source
from framecast.runs.config import Device, Precision
from framecast.runs.run import Run
from framecast.sources.open import open_source
from framecast.sources.writing import check_ending, write_frames
from framecast.training.device import choose_device, computing


@final
@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One forecast, and where it was written."""

    sequence: str
    frames: NDArray[Any]
    """(M, C, H, W), or (K + M, C, H, W) with the context, in the recording's native type."""
    path: Path | None
    """None when nothing was written."""
    caveats: tuple[str, ...]


def predict(
    run: Run | str | Path,
    recordings: str | Path | Source,
    *,
    out: str | Path | None = None,
    horizon: int | None = None,
    with_context: bool = False,
    fps: float | None = None,
    overwrite: bool = False,
    device: Device = "auto",
    precision: Precision = 32,
) -> list[Prediction]:
    """Forecast the frames that follow each recording; no ground truth is needed.

    Args:
        run: an opened run, or its folder.
        recordings: a file, a folder of files, or a source. The context is the end of each recording.
        out: a file whose ending chooses the format, or a folder when there are several recordings; None writes nothing.
        horizon: frames to forecast; None takes the run's own horizon.
        with_context: put the context before the forecast.
        fps: frames per second of a written video; None continues at the recording's rate.
        overwrite: replace existing files.
        device: where to compute.
        precision: in what, whatever the training's was.

    Returns:
        One prediction for each recording, in order.

    Raises:
        FramecastError: no such run or recording, a recording shorter than the context, an output that is already there.
    """
    if not isinstance(run, Run):
        run = Run.open(run)
    if horizon is not None and horizon < 1:
        raise ConfigurationError(f"The horizon must be at least 1 frame, found {horizon}.")
    place = choose_device(device)
    run.model.to(torch.device(place))
    source = recordings if isinstance(recordings, Source) else open_source(str(recordings))
    paths = _outputs(source, None if out is None else Path(out), overwrite=overwrite)
    predictor = Predictor(run)
    for sequence in source.sequences:  # all of them before the first forecast is made
        predictor.check(sequence.info)
    predictions: list[Prediction] = []
    for sequence, path in zip(source.sequences, paths, strict=True):
        with computing(place, precision):
            frames = _forecast(predictor, sequence, horizon or run.record.spec.horizon, with_context=with_context)
        if path is not None:
            write_frames(
                path,
                frames,
                step_seconds=_step_seconds(sequence.info, run),
                fps=fps,
                value_range=sequence.info.value_range or (run.normaliser.low, run.normaliser.high),
                like=sequence.info,
                start_time=_start_time(sequence.info, run, predictor, with_context=with_context),
                overwrite=overwrite,
            )
        predictions.append(
            Prediction(
                sequence=sequence.info.name,
                frames=frames,
                path=path,
                caveats=predictor.caveats(horizon or run.record.spec.horizon),
            )
        )
    return predictions


def _forecast(predictor: Predictor, sequence: Sequence, horizon: int, *, with_context: bool) -> NDArray[Any]:
    context = predictor.context_of(sequence)
    forecast = predictor.forecast(context, sequence.info, horizon)
    return np.concatenate([context, forecast]) if with_context else forecast


def _step_seconds(info: SequenceInfo, run: Run) -> float | None:
    return None if info.step_seconds is None else info.step_seconds * run.config.clips.frame_step


def _start_time(info: SequenceInfo, run: Run, predictor: Predictor, *, with_context: bool) -> datetime | None:
    """When the first written frame was, or will be, taken."""
    last = info.num_frames - 1
    if with_context:
        return info.time_of(last - (predictor.frames_needed - 1))
    return info.time_of(last + run.config.clips.frame_step)


def _outputs(source: Source, out: Path | None, *, overwrite: bool) -> Listing[Path | None]:
    """Where each forecast goes, checked before the first one is made."""
    sequences = source.sequences
    if out is None:
        return [None] * len(sequences)
    a_folder_of_files = Path(source.location).is_dir() and source.kind != "images"
    if len(sequences) == 1 and not a_folder_of_files:
        paths = [out]
    else:
        if out.suffix and not out.is_dir():
            raise ConfigurationError(
                f"'{source.location}' is a folder, or holds several recordings, so --out must be a folder too, found "
                f"'{out}'."
            )
        paths = [_inside(out, sequence) for sequence in sequences]
    for path in paths:
        check_ending(path)
        if path.exists() and not overwrite:
            raise SourceError(f"'{path}' is already there; choose another --out, or replace it with --overwrite.")
    for path, sequence in zip(paths, sequences, strict=True):
        if sequence.info.path is not None and path.resolve() == Path(sequence.info.path).resolve():
            raise SourceError(
                f"'{path}' is the recording itself, which a forecast never replaces; choose another --out."
            )
    return paths


def _inside(folder: Path, sequence: Sequence) -> Path:
    """The recording's own name and format; formats that cannot be written become mp4, arrays with parts become npy."""
    name = Path(sequence.info.name)
    try:
        check_ending(name)
        return folder / name
    except SourceError:
        array = sequence.info.path is not None and Path(sequence.info.path).suffix in (".npy", ".npz")
        return folder / name.with_name(name.name + (".npy" if array else ".mp4"))
