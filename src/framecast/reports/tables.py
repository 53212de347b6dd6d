"""Tables for the screen."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from framecast.evaluation.results import Results
from framecast.reports import formatting
from framecast.reports.score_table import ScoreTable, score_table
from framecast.reports.sections.across_conventions import convention_table
from framecast.reports.sections.thresholds import threshold_unit
from framecast.reports.shown_metrics import MAIN_METRICS, computed_metrics, leading_metric
from framecast.reports.side_by_side import Row, shown_columns

_MODEL_STYLE = "bold cyan"
_BEST_STYLE = "bold green"
_MOST_SEQUENCES = 20


def verdict_table(
    results: Results, *, conventions: Sequence[str] | None = None, metrics: Sequence[str] = MAIN_METRICS
) -> Table:
    """All forecasters and the chosen metrics of each convention, with the intervals of the leading metric and of skill.

    Args:
        results: of an evaluation.
        conventions: which ones; None takes the leading one whole, and of the others the metrics that differ from it.
        metrics: which ones of each convention, as far as they were computed.
    """
    shown = [score_table(results, name, metrics=metrics) for name in conventions or results.conventions]
    if conventions is None:
        shown = [shown[0], *(_only_different(table, shown[0]) for table in shown[1:])]
    shown = [table for table in shown if table.columns]
    table = _table(
        f"{results.split}: {formatting.counted(results.clips, 'clip')}, {results.context} → {results.horizon}"
    )
    table.add_column("forecaster", no_wrap=True)
    with_interval = _with_interval(results, shown)
    for part in shown:
        for column in part.columns:
            above = f"{part.convention}\n" if len(shown) > 1 else ""
            below = f"\n{column.unit}" if results.units and column.unit else ""
            table.add_column(f"{above}{column.metric} {column.arrow}{below}", justify="right", no_wrap=True)
            if (part.convention, column.metric) in with_interval:
                table.add_column(f"{above}95%", style="dim", justify="right", no_wrap=True)
    reference = shown[0].reference if shown else None
    if reference:
        table.add_column(f"skill vs\n{reference}", justify="right", no_wrap=True)
    for position, row in enumerate(shown[0].rows if shown else ()):
        name = Text(row.name, style="dim" if row.one_step else _MODEL_STYLE if row.role == "model" else "")
        texts: list[Text] = []
        for part in shown:
            for column, cell in zip(part.columns, part.rows[position].cells, strict=True):
                texts.append(Text(cell.text, style=_BEST_STYLE if cell.best else "dim" if row.one_step else ""))
                if (part.convention, column.metric) in with_interval:
                    texts.append(Text(cell.interval_text))
        skill = Text(row.skill)
        if row.skill_interval:
            skill.append(f" ({row.skill_interval})", style="dim")
        table.add_row(name, *texts, *([skill] if reference else []))
    return table


def conventions_table(results: Results) -> Table | None:
    """The model under every convention that was computed, side by side; None where no metric is in two of them.

    Args:
        results: of an evaluation.
    """
    found = convention_table(results)
    if found is None:
        return None
    table = _table(f"{results.model} under each convention")
    table.add_column("metric", no_wrap=True)
    for name in found.conventions:
        table.add_column(Text(name), justify="right", no_wrap=True)
    table.add_column("why they differ", overflow="fold", style="dim")
    for row in found.rows:
        table.add_row(row.metric, *(Text(text) for text in row.texts), Text(row.reason))
    return table


def thresholds_line(results: Results) -> str | None:
    """Over which thresholds the scores of events are means; None where the leading convention counts no events.

    Args:
        results: of an evaluation.
    """
    convention = next(iter(results.conventions))
    infos = [results.metric_info(convention, name) for name in computed_metrics(results, convention)]
    found = sorted({info.threshold for info in infos if info is not None and info.threshold is not None})
    if not found:
        return None
    unit = threshold_unit(results, convention)
    values = ", ".join(f"{value:g}" for value in found)
    mean = "; the table has means over them, the report each" if len(found) > 1 else ""
    return f"Thresholds of events: {values}{f' {unit}' if unit else ''}{mean}."


def comparison_table(rows: Sequence[Row]) -> Table:
    """Runs side by side, one column for each.

    Args:
        rows: as :func:`framecast.reports.side_by_side.comparison_rows` makes them.
    """
    table = _table("")
    table.add_column("run", no_wrap=True)
    for row in rows:
        table.add_column(Text(str(row["run"])), justify="right", overflow="fold")
    for name, texts in shown_columns(rows):
        if name != "run":
            table.add_row(Text(name.replace("_", " "), style="dim"), *(Text(text) for text in texts))
    return table


def inspection_table(inspection: Mapping[str, Any]) -> Table:
    """The sequences of a source.

    Args:
        inspection: the content of ``inspect.json``.
    """
    sequences: list[Mapping[str, Any]] = list(inspection["sequences"])
    layout = f", layout {inspection['layout']}" if inspection.get("layout") else ""
    table = _table(
        f"{inspection['location']} ({inspection['kind']}{layout}): "
        f"{formatting.counted(inspection['num_sequences'], 'sequence')}, "
        f"{formatting.counted(inspection['num_frames'], 'frame')}"
    )
    table.add_column("sequence", overflow="fold")
    for title in ("frames", "H × W × C"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("type")
    for title in ("values", "step", "missing", "repeated", "static"):
        table.add_column(title, justify="right", no_wrap=True)
    # Of many recordings only some are read; these come first, as the rows of the others are empty.
    for sequence in sorted(sequences, key=lambda one: one.get("minimum") is None)[:_MOST_SEQUENCES]:
        units = f" {sequence['units']}" if sequence.get("units") else ""
        low, high = formatting.number(sequence.get("minimum")), formatting.number(sequence.get("maximum"))
        table.add_row(
            Text(str(sequence["name"])),
            formatting.count(sequence["frames"]),
            f"{sequence['height']} × {sequence['width']} × {sequence['channels']}",
            str(sequence["dtype"]),
            Text(formatting.DASH if sequence.get("minimum") is None else f"{low} … {high}{units}"),
            formatting.duration(sequence.get("step_seconds")),
            *(formatting.percent(sequence.get(name)) for name in ("missing_share", "repeated_share", "static_share")),
        )
    if len(sequences) > _MOST_SEQUENCES:
        table.add_row(f"and {formatting.count(len(sequences) - _MOST_SEQUENCES)} more")
    return table


def split_table(view: Mapping[str, Any]) -> Table:
    """Who goes where.

    Args:
        view: the ``method`` and the ``pieces`` of a :class:`framecast.clips.split_view.SplitView`.
    """
    table = _table(f"Divided by {view['method']}")
    table.add_column("split", no_wrap=True)
    table.add_column("sequence", overflow="fold")
    table.add_column("group", overflow="fold")
    for title in ("frames", "count", "clips"):
        table.add_column(title, justify="right", no_wrap=True)
    for split in dict.fromkeys(piece["split"] for piece in view["pieces"]):
        pieces = [piece for piece in view["pieces"] if piece["split"] == split]
        table.add_row(
            Text(str(split), style="bold"),
            formatting.counted(len(pieces), "sequence"),
            formatting.counted(len({piece["group"] for piece in pieces}), "group"),
            "",
            formatting.count(sum(piece["stop"] - piece["start"] for piece in pieces)),
            formatting.count(sum(piece["clips"] for piece in pieces)),
        )
        for piece in pieces[:_MOST_SEQUENCES]:
            table.add_row(
                "",
                Text(str(piece["sequence"])),
                Text(str(piece["group"]), style="dim"),
                f"{piece['start']} … {piece['stop'] - 1}",
                formatting.count(piece["stop"] - piece["start"]),
                formatting.count(piece["clips"]),
            )
        if len(pieces) > _MOST_SEQUENCES:
            table.add_row("", f"and {formatting.count(len(pieces) - _MOST_SEQUENCES)} more")
    return table


def plan_table(plan: Mapping[str, Any]) -> Table:
    """What a training would do and cost.

    Args:
        plan: ``clips`` and ``sequences`` by split, ``parameters``, ``trainable``, ``macs_per_frame``, ``steps``,
            ``device``, ``seconds_per_step``, ``seconds``, ``memory_bytes`` and ``disk_bytes``; perhaps
            ``discriminators``.
    """
    table = _table("")
    table.show_header = False
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for split, clips in plan["clips"].items():
        sequences = plan["sequences"].get(split)
        of = "" if sequences is None else f" of {formatting.count(sequences)} sequences"
        table.add_row(f"{split} clips", f"{formatting.count(clips)}{of}")
    table.add_row(
        "parameters", f"{formatting.count(plan['parameters'])}, {formatting.count(plan['trainable'])} of them trainable"
    )
    if plan.get("discriminators"):
        table.add_row("discriminators", f"{formatting.count(plan['discriminators'])} parameters, in training alone")
    table.add_row("multiply-adds for one forecast frame", formatting.large(plan["macs_per_frame"]))
    table.add_row("device", str(plan["device"]))
    each = formatting.duration(plan["seconds_per_step"])
    table.add_row("steps", f"{formatting.count(plan['steps'])}, {each} each")
    table.add_row("time", f"about {formatting.duration(plan['seconds'])}, without validation")
    table.add_row("memory", f"{formatting.large(plan['memory_bytes'])}B")
    table.add_row("disk", f"{formatting.large(plan['disk_bytes'])}B, without pictures and results")
    return table


def _table(title: str) -> Table:
    return Table(
        title=Text(title) if title else None,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )


def _with_interval(results: Results, shown: Sequence[ScoreTable]) -> set[tuple[str, str]]:
    """The one column that shows its intervals: that of the leading metric."""
    if not shown or not shown[0].columns:
        return set()
    metrics = [column.metric for column in shown[0].columns]
    metric = leading_metric(results) if leading_metric(results) in metrics else metrics[0]
    place = metrics.index(metric)
    known = any(row.cells[place].interval_text for row in shown[0].rows)
    return {(shown[0].convention, metric)} if known else set()


def _only_different(table: ScoreTable, leading: ScoreTable) -> ScoreTable:
    """The columns of a convention in which it says something else than the leading one."""
    known = {column.metric: [row.cells[i].text for row in leading.rows] for i, column in enumerate(leading.columns)}
    kept = [
        i
        for i, column in enumerate(table.columns)
        if known.get(column.metric) != [row.cells[i].text for row in table.rows]
    ]
    return dataclasses.replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        limits=tuple(table.limits[i] for i in kept),
        rows=tuple(dataclasses.replace(row, cells=tuple(row.cells[i] for i in kept)) for row in table.rows),
    )
