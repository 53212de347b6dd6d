"""The chosen clips of an evaluation as pictures: in motion, and frame by frame."""

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
from framecast.reports.score_table import leading_metric
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


def clip_views(results: Results, examples: Mapping[str, NDArray[Any]]) -> list[ClipView]:
    """Draw the clips whose frames were kept, all errors on one scale.

    Args:
        results: of an evaluation.
        examples: ``context``, ``truth`` and ``forecast/<forecaster>``, one clip for each of ``results.examples``.

    Returns:
        Nothing when the model's frames were not kept. The best baseline stands below the model in the first strip.
    """
    mine = f"forecast/{results.model}"
    if not {"context", "truth", mine} <= set(examples) or not results.examples:
        return []
    best = results.verdict.best_baseline if results.verdict else ""
    scale = error_scale([absolute_error(f, t) for f, t in zip(examples[mine], examples["truth"], strict=True)])
    white = white_level(examples)
    metric = leading_metric(results)
    info = results.metric_info(next(iter(results.conventions)), metric)
    unit = f" {info.unit}" if info and info.unit else ""
    views: list[ClipView] = []
    for index, example in enumerate(results.examples[: len(examples["context"])]):
        context, truth = examples["context"][index], examples["truth"][index]
        forecasts = {results.model: _where_seen(examples[mine][index], context)}
        if not views and f"forecast/{best}" in examples:
            forecasts[best] = _where_seen(examples[f"forecast/{best}"][index], context)
        place = f"{example.sequence}, from frame {example.start + 1}"
        score = f"{metric} of {results.model} {formatting.number(example.score)}{unit}"
        shown = f"{example.why} clip ({place}; {score})"
        mine_here = forecasts[results.model]
        moving = animation(context, truth, mine_here, name=results.model, error_max=scale, white=white, format="webp")
        strip = film_strip(context, truth, forecasts, error_max=scale, white=white)
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


def white_level(examples: Mapping[str, NDArray[Any]]) -> float:
    """The value shown as white: 1, or less where hardly anything true is bright, as in rain, or all would be black."""
    true = [examples[name] for name in ("context", "truth") if name in examples]
    return error_scale(true) if true else 1.0  # by the rule for errors: 99.5 % of all values lie below


def _where_seen(forecast: NDArray[Any], context: NDArray[Any]) -> NDArray[Any]:
    """A forecast with NaN where every frame of the context is missing, as predict gives it: (T, C, H, W) both."""
    return np.where(np.isnan(context).all(axis=0), np.nan, forecast)
