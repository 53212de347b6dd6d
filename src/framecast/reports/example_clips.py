"""The chosen clips of an evaluation as pictures: in motion, and frame by frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

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
    metric = leading_metric(results)
    info = results.metric_info(next(iter(results.conventions)), metric)
    unit = f" {info.unit}" if info and info.unit else ""
    views: list[ClipView] = []
    for index, example in enumerate(results.examples[: len(examples["context"])]):
        context, truth = examples["context"][index], examples["truth"][index]
        forecasts = {results.model: examples[mine][index]}
        if not views and f"forecast/{best}" in examples:
            forecasts[best] = examples[f"forecast/{best}"][index]
        place = f"{example.sequence}, from frame {example.start + 1}"
        score = f"{metric} of {results.model} {formatting.number(example.score)}{unit}"
        shown = f"{example.why} clip ({place}; {score})"
        moving = animation(context, truth, forecasts[results.model], name=results.model, error_max=scale, format="webp")
        strip = film_strip(context, truth, forecasts, error_max=scale)
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
