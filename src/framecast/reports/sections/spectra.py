"""Spectra at the first and the last lead, and in words how much fine detail is left."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.curves import Line
from framecast.reports.markup import Picture, picture
from framecast.reports.sections.leads import forecaster_styles
from framecast.reports.shown_metrics import best_baseline, leading_convention
from framecast.reports.spectra import kept_detail, spectrum_chart

FINE = 8.0
"""Wavelengths of so many pixels and less are called fine detail."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SpectraView:
    """The section."""

    charts: tuple[Picture, ...]
    notes: tuple[str, ...]


def spectra_view(results: Results, diagrams: Mapping[str, NDArray[Any]]) -> SpectraView | None:
    """Make the section; None where no spectra were kept.

    Args:
        results: of an evaluation.
        diagrams: ``spectrum/truth``, ``spectrum/<forecaster>`` (T, K) and ``spectrum_wavenumber`` (K,).
    """
    truth, wavenumber = diagrams.get("spectrum/truth"), diagrams.get("spectrum_wavenumber")
    if truth is None or wavenumber is None or not np.isfinite(truth).any() or not (wavenumber > 0).any():
        return None
    names = [
        name
        for name in results.conventions[leading_convention(results)]
        if diagrams.get(f"spectrum/{name}", np.zeros(0)).shape == truth.shape
    ]
    if not names:
        return None
    charts: list[Picture] = []
    looks = forecaster_styles(results)
    for lead in dict.fromkeys((0, len(truth) - 1)):
        drawn = spectrum_chart(
            truth[lead],
            [
                Line(
                    name=name,
                    values=diagrams[f"spectrum/{name}"][lead].tolist(),
                    emphasised=name == results.model,
                    style=looks[name],
                )
                for name in names
            ],
            wavenumber,
            title=f"Power by wavelength, lead {lead + 1}",
        )
        spoken = ", ".join(f"{name} {_kept(diagrams, name, lead)}" for name in names)
        alt = f"Power spectrum at lead {lead + 1}. Of the truth's power at wavelengths up to {FINE:g} pixels: {spoken}."
        charts.append(picture(drawn, alt=alt))
    last = len(truth) - 1
    told = [name for name in dict.fromkeys((results.model, best_baseline(results))) if name in names]
    notes = [
        f"At lead {last + 1} {name} has {_kept(diagrams, name, last)} of the truth's power at wavelengths of "
        f"{FINE:g} pixels and less."
        for name in told
    ]
    return SpectraView(charts=tuple(charts), notes=tuple(notes))


def _kept(diagrams: Mapping[str, NDArray[Any]], name: str, lead: int) -> str:
    of, truth = diagrams[f"spectrum/{name}"][lead], diagrams["spectrum/truth"][lead]
    return formatting.percent(kept_detail(of, truth, diagrams["spectrum_wavenumber"], longest=FINE))
