"""The chosen clips of an evaluation as pictures: in motion, and frame by frame."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.animation import animation, still
from framecast.reports.film_strip import film_strip
from framecast.reports.markup import Picture, picture
from framecast.reports.shading import FieldShading, RainShading, shading_of
from framecast.reports.shown_metrics import best_baseline, leading_convention, leading_metric
from framecast.reports.tiles import absolute_error, error_scale


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ClipView:
    """One clip on the page."""

    why: str
    place: str
    """Sequence and first frame."""
    score: str
    motion: Picture
    strip: Picture


def clip_views(
    results: Results, examples: Mapping[str, NDArray[Any]], *, value_range: tuple[float, float] | None = None
) -> list[ClipView]:
    """Draw the clips whose frames were kept, all errors on one scale.

    Args:
        results: of an evaluation.
        examples: ``context``, ``truth`` and ``forecast/<forecaster>``, one clip for each of ``results.examples``.
        value_range: the native range that the channel which is shown is scaled by; None takes that of the results.

    Returns:
        Nothing when the model's frames were not kept. The best baseline stands below the model in the first strip.
    """
    mine = f"forecast/{results.model}"
    if not {"context", "truth", mine} <= set(examples) or not results.examples:
        return []
    best = best_baseline(results)
    shading = _shading(results, examples, value_range)
    frames = examples if shading is None else _native(results, examples, value_range)
    limit = 1.0 if shading is None else math.inf
    scale = error_scale([absolute_error(f, t) for f, t in zip(frames[mine], frames["truth"], strict=True)], limit=limit)
    look: dict[str, Any] = {"error_max": scale, "white": white_level(examples), "shading": shading}
    metric = leading_metric(results)
    info = results.metric_info(leading_convention(results), metric)
    unit = f" {info.unit}" if info and info.unit else ""
    views: list[ClipView] = []
    for index, example in enumerate(results.examples[: len(frames["context"])]):
        context, truth = frames["context"][index], frames["truth"][index]
        forecasts = {results.model: _where_seen(frames[mine][index], context)}
        if not views and best is not None and f"forecast/{best}" in frames:
            forecasts[best] = _where_seen(frames[f"forecast/{best}"][index], context)
        place = f"{example.sequence}, from frame {example.start + 1}"
        score = f"{metric} of {results.model} {formatting.number(example.score)}{unit}"
        shown = f"{example.why} clip ({place}; {score})"
        moving = animation(context, truth, forecasts[results.model], name=results.model, format="webp", **look)
        strip = film_strip(context, truth, forecasts, **look)
        rows = ", ".join(["context", "truth", *(f"forecast of {name} and its error" for name in forecasts)])
        views.append(
            ClipView(
                why=example.why,
                place=place,
                score=score,
                motion=picture(moving, alt=f"Truth, forecast and error in motion: {shown}.", still=still(moving)),
                strip=picture(strip, alt=f"Film strip with the rows {rows}: {shown}."),
            )
        )
    return views


def clips_note(
    results: Results, examples: Mapping[str, NDArray[Any]], *, value_range: tuple[float, float] | None = None
) -> str:
    """What a reader must know to read the pictures: how clips were chosen, and what borders and colours mean."""
    chosen = ", ".join(dict.fromkeys(example.why for example in results.examples))
    note = f"Chosen by the error of {results.model}: {chosen}. Orange borders mark the context, blue ones the forecast."
    shading = _shading(results, examples, value_range)
    if isinstance(shading, RainShading):
        return (
            f"{note} All errors share one scale, in {results.units}. Rain grows darker with every step; grey: missing."
        )
    if shading is not None:
        return f"{note} All errors share one scale, in {results.units}. Low values are dark, high ones bright."
    white = white_level(examples)
    scaled = "values are scaled to [0, 1]" + ("" if white == 1 else f", and {white:g} is shown as white")
    return f"{note} All errors share one scale; {scaled}."


def white_level(examples: Mapping[str, NDArray[Any]]) -> float:
    """The value shown as white: 1, or less where hardly anything true is bright, as in rain, or all would be black."""
    true = [examples[name] for name in ("context", "truth") if name in examples]
    return error_scale(true) if true else 1.0  # by the rule for errors: 99.5 % of all values lie below


def _shading(
    results: Results, examples: Mapping[str, NDArray[Any]], value_range: tuple[float, float] | None
) -> RainShading | FieldShading | None:
    """How to draw native values; None for pictures, and where the native range of the channel shown is not known."""
    true = [name for name in ("context", "truth") if name in examples]
    if not true:
        return None
    channels = examples[true[0]].shape[2]
    if value_range is None and channels != 1:  # then the range of the results is that of all channels together
        return None
    native = _native(results, {name: examples[name] for name in true}, value_range)
    return shading_of(results.units, channels, native.values())


def _native(
    results: Results, examples: Mapping[str, NDArray[Any]], value_range: tuple[float, float] | None
) -> dict[str, NDArray[Any]]:
    """The first channel in native values."""
    low, high = value_range or results.value_range
    return {name: (low + (high - low) * frames[:, :, :1].astype(np.float32)) for name, frames in examples.items()}


def _where_seen(forecast: NDArray[Any], context: NDArray[Any]) -> NDArray[Any]:
    """A forecast with NaN where every frame of the context is missing, as predict gives it: (T, C, H, W) both."""
    return np.where(np.isnan(context).all(axis=0), np.nan, forecast)
