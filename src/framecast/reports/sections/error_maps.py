"""Where the error is: the mean error map of the model beside the best baseline's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.error_map import error_maps
from framecast.reports.markup import Picture, picture
from framecast.reports.shown_metrics import best_baseline, leading_convention


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMapView:
    """The section."""

    maps: Picture
    notes: tuple[str, ...]


def error_map_view(results: Results, diagrams: Mapping[str, NDArray[Any]]) -> ErrorMapView | None:
    """Make the section; None where no map was kept.

    Args:
        results: of an evaluation.
        diagrams: ``error_map/<forecaster>`` (C, H, W) mean squared error, NaN where nothing was measured.
    """
    mine = _root(diagrams.get(f"error_map/{results.model}"))
    best = best_baseline(results) or ""
    theirs = _root(diagrams.get(f"error_map/{best}"))
    if mine is None or not np.isfinite(mine).any():
        return None
    if theirs is not None and theirs.shape != mine.shape:
        theirs = None
    unit = _unit(results)
    unit_text = f" {unit}" if unit else ""
    missing = float(np.isnan(mine).mean())
    notes = ["Root of the mean squared error of each pixel, over all clips and leads."]
    if missing:
        notes.append(f"Grey, hatched: {formatting.percent(missing)} of the pixels never held a value.")
    alt = f"Error map of {results.model}: from {_range(mine)}{unit_text}"
    if theirs is not None:
        known = np.isfinite(mine) & np.isfinite(theirs)
        better = float((mine[known] < theirs[known]).mean()) if known.any() else float("nan")
        notes.append(f"{results.model} has the smaller error in {formatting.percent(better)} of the pixels.")
        alt += f"; of {best}: from {_range(theirs)}{unit_text}; {notes[-1].removesuffix('.')}"
    maps = error_maps(mine, theirs, names=(results.model, best), unit=unit)
    return ErrorMapView(maps=picture(maps, alt=f"{alt}."), notes=tuple(notes))


def _root(errors: NDArray[Any] | None) -> NDArray[np.float64] | None:
    """(C, H, W) squared errors to (H, W) root mean squared errors over the channels that were measured."""
    if errors is None or errors.ndim != 3:
        return None
    values = np.asarray(errors, dtype=np.float64)
    count = np.isfinite(values).sum(axis=0)
    return np.sqrt(np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan))


def _unit(results: Results) -> str:
    """The recording's units where the leading convention reads native values."""
    info = results.metric_info(leading_convention(results), "mae") or results.metric_info(
        leading_convention(results), "rmse"
    )
    return results.units if info is not None and results.units and info.unit == results.units else ""


def _range(values: NDArray[np.float64]) -> str:
    return f"{formatting.number(float(np.nanmin(values)))} to {formatting.number(float(np.nanmax(values)))}"
