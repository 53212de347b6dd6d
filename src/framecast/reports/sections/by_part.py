"""By part: the model and the best baseline in each group, class, day and channel, worst first."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.markup import PlainTable
from framecast.reports.shown_metrics import MAIN_METRICS, best_baseline, judged_by, leading_convention

_SHOWN = 12
"""Of more parts, the worst and the best half of so many are shown, and all of them on request."""

_METRICS = 3

_KINDS = {"group": "By group", "class": "By class", "day": "By day", "channel": "By channel"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PartView:
    """One way to divide the clips."""

    kind: str
    title: str
    caption: str
    table: PlainTable
    whole: PlainTable | None
    """All parts, where ``table`` shows some of them."""


def part_views(results: Results) -> list[PartView]:
    """A table for each kind of part of the leading convention; empty where results tell of no parts."""
    forecasters = results.conventions[leading_convention(results)]
    best = best_baseline(results)
    theirs = forecasters[best].by if best else {}
    return [
        _view(results, kind, parts, theirs.get(kind, {}), best)
        for kind, parts in forecasters[results.model].by.items()
        if parts
    ]


def _view(
    results: Results,
    kind: str,
    mine: Mapping[str, Mapping[str, float]],
    theirs: Mapping[str, Mapping[str, float]],
    best: str | None,
) -> PartView:
    judged = judged_by(results)
    computed = dict.fromkeys(name for scores in mine.values() for name in scores)
    metrics = list(dict.fromkeys(name for name in (judged, *MAIN_METRICS) if name in computed))[:_METRICS]
    metrics = metrics or list(computed)[:_METRICS]
    order = list(mine)
    if kind != "channel" and metrics:
        info = results.metric_info(leading_convention(results), metrics[0])
        up = info is not None and info.better == "higher"
        order.sort(key=lambda part: _badness(mine[part].get(metrics[0], math.nan), up=up))
    columns: list[tuple[str, list[str]]] = [
        (f"{metric.replace('_', ' ')} {results.model}", formatting.column([mine[part].get(metric) for part in order]))
        for metric in metrics
    ]
    if best and judged and judged in metrics:
        errors = [theirs.get(part, {}).get(judged) for part in order]
        columns.append((f"{judged} {best}", formatting.column(errors)))
        skills = [_skill(mine[part].get(judged), error) for part, error in zip(order, errors, strict=True)]
        columns.append((f"skill vs {best}", [_with_sign(skill) for skill in skills]))
    rows = [[part, *(texts[place] for _, texts in columns)] for place, part in enumerate(order)]
    head = [(kind, False), *((title, True) for title, _ in columns)]
    some = rows
    if len(rows) > _SHOWN and kind != "channel":
        half = _SHOWN // 2
        left_out = [f"… {formatting.count(len(rows) - _SHOWN)} more", *("" for _ in columns)]
        some = [*rows[:half], left_out, *rows[-half:]]
    elif len(rows) > _SHOWN:
        some = rows[:_SHOWN]
    ordered = "in their order" if kind == "channel" else f"the highest error first ({metrics[0]})" if metrics else ""
    caption = f"{formatting.counted(len(rows), kind)}, {ordered}".replace("classs", "classes")
    return PartView(
        kind=kind,
        title=_KINDS.get(kind, f"By {kind}"),
        caption=caption,
        table=PlainTable(head, some),
        whole=PlainTable(head, rows) if len(some) < len(rows) else None,
    )


def _badness(value: float, *, up: bool) -> float:
    """Sorts the worst first, what is not defined last."""
    return math.inf if math.isnan(value) else value if up else -value


def _skill(mine: float | None, theirs: float | None) -> float | None:
    if mine is None or not theirs or not math.isfinite(mine) or not math.isfinite(theirs):
        return None
    return 1 - mine / theirs


def _with_sign(skill: float | None) -> str:
    """A skill with a shape for its sign: no interval is known of a part, so this is the figure alone."""
    if skill is None:
        return formatting.DASH
    return f"{formatting.percent(skill)} {'△' if skill > 0 else '▽' if skill < 0 else '◇'}"
