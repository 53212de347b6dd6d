"""Predict: the frames that follow a recording, written in the format that the output's ending names."""

from collections.abc import Sequence as Listing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.forecasting.predictor import Predictor
from framecast.forecasting.tiling import OVERLAP
from framecast.frames.errors import ConfigurationError, SourceError, TooShortError
from framecast.frames.paths import user_path
from framecast.frames.sequence import Sequence, SequenceInfo
from framecast.frames.source import Source
from framecast.runs.config import Device, Precision
from framecast.runs.run import Run
from framecast.sources.writers_table import PICTURES
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
    """What a person should know: of this forecast, and of recordings that were too short for one."""


def predict(
    run: Run | str | Path,
    recordings: str | Path | Source,
    *,
    out: str | Path | None = None,
    horizon: int | None = None,
    with_context: bool = False,
    newest: bool = False,
    fps: float | None = None,
    tile_overlap: float = OVERLAP,
    overwrite: bool = False,
    device: Device = "auto",
    precision: Precision = 32,
) -> list[Prediction]:
    """Forecast the frames that follow each recording; no ground truth is needed.

    Args:
        run: an opened run, or its folder.
        recordings: a file, a folder of files, or a source. The context is the end of each recording. Paths are read
            with the settings of the run's own source (units, layout, variables) where they are of the same kind.
        out: a file whose ending chooses the format, or a folder when there are several recordings; None writes nothing.
        horizon: frames to forecast; None takes the run's own horizon.
        with_context: put the context before the forecast.
        newest: forecast after the newest recording only, the one that ends last (without times: the last by name).
        fps: frames per second of a written video; None continues at the recording's rate.
        tile_overlap: frames larger than those that the run was trained on are forecast in tiles; so much of a tile,
            from 0 to 0.9, lies at least also in the next one.
        overwrite: replace existing files.
        device: where to compute.
        precision: in what, whatever the training's was.

    Returns:
        One prediction for each recording, in order.

    Raises:
        FramecastError: no such run or recording, no recording as long as the context, an output that is already there.
    """
    if not isinstance(run, Run):
        run = Run.open(run)
    if horizon is not None and horizon < 1:
        raise ConfigurationError(f"The horizon must be at least 1 frame, found {horizon}.")
    place = choose_device(device)
    run.model.to(torch.device(place))
    source = recordings if isinstance(recordings, Source) else run.config.source.open_alike(recordings)
    if newest:
        source = replace(source, sequences=(_newest(source.sequences),))
    predictor = Predictor(run, overlap=tile_overlap)
    # All of them are looked at before the first forecast is made.
    chosen, left_out = _long_enough(source.sequences, predictor)
    paths = _outputs(source, None if out is None else Path(out), overwrite=overwrite)
    predictions: list[Prediction] = []
    for number, (sequence, path) in enumerate(zip(source.sequences, paths, strict=True)):
        if number not in chosen:
            continue
        with computing(place, precision):
            frames = _forecast(predictor, sequence, horizon or run.record.spec.horizon, with_context=with_context)
        if path is not None:
            shown, value_range = _shown(frames, sequence.info, run, path)
            write_frames(
                path,
                shown,
                step_seconds=_step_seconds(sequence.info, run),
                fps=fps,
                value_range=value_range,
                like=predictor.info_of_forecast(sequence.info),
                start_time=_start_time(sequence.info, run, predictor, with_context=with_context),
                overwrite=overwrite,
            )
        predictions.append(
            Prediction(
                sequence=sequence.info.name,
                frames=frames,
                path=path,
                caveats=(*predictor.caveats(horizon or run.record.spec.horizon, sequence.info), *left_out),
            )
        )
    return predictions


def _long_enough(sequences: Listing[Sequence], predictor: Predictor) -> tuple[set[int], tuple[str, ...]]:
    """Which recordings can be forecast, and a sentence for each that is too short.

    Raises:
        TooShortError: none is long enough.
        SourceError: one is of another kind than those of the run.
    """
    chosen: set[int] = set()
    short: list[TooShortError] = []
    for place, sequence in enumerate(sequences):
        try:
            predictor.check(sequence.info)
        except TooShortError as error:
            short.append(error)
        else:
            chosen.add(place)
    if not chosen:
        raise short[0]
    return chosen, tuple(f"Left out: {error}" for error in short)


def _newest(sequences: Listing[Sequence]) -> Sequence:
    ends = [sequence.info.time_of(sequence.info.num_frames - 1) for sequence in sequences]
    known = [(end, place) for place, end in enumerate(ends) if end is not None]
    return sequences[max(known)[1] if len(known) == len(sequences) else -1]


def _forecast(predictor: Predictor, sequence: Sequence, horizon: int, *, with_context: bool) -> NDArray[Any]:
    context = predictor.context_of(sequence)
    forecast = predictor.forecast(context, sequence.info, horizon)
    return np.concatenate([predictor.chosen(context), forecast]) if with_context else forecast


def _shown(frames: NDArray[Any], info: SequenceInfo, run: Run, path: Path) -> tuple[NDArray[Any], tuple[float, float]]:
    """What is written, and the values that become black and white where the format holds pictures.

    Fields that were learned on a logarithmic scale are shown on it: linearly, all but the heaviest rain is black.
    """
    low, high = info.value_range or run.normaliser.value_range
    transform = run.normaliser.transform
    if not transform.changes or frames.dtype.kind != "f" or check_ending(path) not in PICTURES:
        return frames, (low, high)
    scaled = transform.forward(torch.from_numpy(frames)).numpy()
    ends = transform.forward(torch.tensor([low, high], dtype=torch.float64)).tolist()
    return scaled, (ends[0], ends[1])


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
    place = user_path(source.location).absolute()
    # Many files can be one recording: a folder of images, radar pictures of one day.
    one_recording = source.kind == "images" or sequences[0].info.path == str(place)
    a_folder_of_files = place.is_dir() and not one_recording
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
    """The recording's own name and format; formats that cannot be written become mp4, arrays with parts become npy,
    measured fields without an ending become nc."""
    name = Path(sequence.info.name)
    if not name.suffix and sequence.info.units is not None:
        return folder / name.with_name(f"{name.name}.nc")  # pictures would keep neither values nor units
    try:
        check_ending(name)
        return folder / name
    except SourceError:
        array = sequence.info.path is not None and Path(sequence.info.path).suffix in (".npy", ".npz")
        return folder / name.with_name(name.name + (".npy" if array else ".mp4"))
