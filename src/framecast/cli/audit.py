"""``framecast audit``: what may be compared with what."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from framecast.cli.terminal import Json, show, show_json

if TYPE_CHECKING:
    from framecast.workflows.audit import ConventionAudit, Overview, TableAudit

_UNVERIFIED = "recalled"


def audit(
    name: str | None = None,
    /,
    *,
    run: Path | None = None,
    results: Path | None = None,
    as_json: Json = False,
) -> int:
    """What a convention computes, what a published table holds, and where a run would stand in it.

    Parameters
    ----------
    name
        A convention or a published table; both are listed when not given.
    run
        A run folder, to be set beside the table.
    results
        Folder of an evaluation of that run; RUN/evaluation when not given.
    as_json
        Results as JSON on standard output.
    """
    from framecast.workflows.audit import ConventionAudit, Overview
    from framecast.workflows.audit import audit as run_audit

    found = run_audit(name, run=run, results=results)
    if as_json:
        show_json(found.as_dict())
    elif isinstance(found, Overview):
        _show_overview(found)
    elif isinstance(found, ConventionAudit):
        _show_convention(found)
    else:
        _show_table(found)
    return 0


def _show_overview(found: "Overview") -> None:
    for title, entries in (("published tables", found.tables), ("conventions", found.conventions)):
        table = _table(title)
        for key, line in entries.items():
            table.add_row(Text(key, style="bold"), line)
        show(table, "")
    show("'framecast audit NAME' explains one; with '--run RUN', a table shows where the run would stand.")


def _show_convention(found: "ConventionAudit") -> None:
    convention = found.convention
    show(f"{convention.name}: {convention.summary}", f"Source: {convention.source}", "")
    table = _table("What it computes", "metric", "definition", "decided")
    for metric in convention.metrics:
        decided = found.traits.get(metric.name, {})
        table.add_row(metric.name, metric.summary, "; ".join(f"{trait}: {value}" for trait, value in decided.items()))
    show(table, *(f"* {note}" for note in convention.notes), "")
    if found.used_by:
        show("Published tables with figures of it:")
        show(*(f"* {name}: {', '.join(columns)}" for name, columns in found.used_by.items()), "")
    table = _table("Its figures beside those of another convention", "metric", "convention", "comparable", "because")
    alike: dict[tuple[str, str, str], list[str]] = {}
    for one in found.comparisons:
        alike.setdefault((one.metric, one.comparable, "\n".join(one.reasons)), []).append(one.convention)
    for (metric, comparable, reasons), names in alike.items():
        table.add_row(metric, ", ".join(names), comparable, reasons)
    show(table if found.comparisons else None, "")
    show("What else decides:", *(f"* {fact}" for fact in found.facts))


def _show_table(found: "TableAudit") -> None:
    table, task = found.table, found.table.task
    show(table.title, f"Source: {table.source}", f"Data: {task.data}; test: {task.test}", "")
    used = [name for group in table.groups if not group.not_comparable for name in group.faults]
    for group in table.groups:
        columns = [name for name in table.columns if any(name in row.values for row in group.rows)]
        decimals = {
            name: max(len(f"{row.values.get(name, 0):.7g}".partition(".")[2]) for row in group.rows) for name in columns
        }
        shown = _table(group.title, "method", *(table.columns[name].title for name in columns))
        for row in group.rows:
            cells: list[Text] = []
            for name in columns:
                marks = "?" * (row.known_by(name) == _UNVERIFIED) + "!" * bool(row.faults.get(name))
                if name not in row.values:
                    cells.append(Text("–"))
                    continue
                other = table.convention(row, name) != table.columns[name].convention
                text = f"{row.values[name]:.{decimals[name]}f}{marks}{'*' * other}"
                cells.append(Text(text, style="dim" if marks or other else ""))
                used += row.faults.get(name, ())
            shown.add_row(row.method, *cells)
        show(shown)
        show(f"Not comparable: {group.not_comparable}" if group.not_comparable else None)
        show(
            *(f"* {note}" for note in group.notes),
            *(f"{row.method}: {note}" for row in group.rows for note in row.notes),
        )
        show(*_other_conventions(found, group.name), "")
    show(
        "?: recalled, not looked up: do that before quoting it. !: a known fault. *: of another convention than its "
        "column."
    )
    show(*(f"! {table.faults[name]}" for name in dict.fromkeys(used)))
    show(
        *(
            f"! {method} ({group}): its PSNR is {excess:.1f} dB above that of its own MSE, and a mean over frames "
            "explains 2 or 3."
            for group, method, excess in found.wrapping
        )
    )
    show(*(f"* {note}" for note in table.notes), "")
    _show_placing(found)


def _other_conventions(found: "TableAudit", group_name: str) -> list[str]:
    """Which figures of a group were computed under another convention than their column."""
    table = found.table
    rows = next(group.rows for group in table.groups if group.name == group_name)
    other: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name in row.values:
            convention = table.convention(row, name)
            if convention != table.columns[name].convention:
                other.setdefault((table.columns[name].title, convention or "a convention that nobody knows"), [])
                other[table.columns[name].title, convention or "a convention that nobody knows"].append(row.method)
    return [f"* {title} of {', '.join(methods)}: {convention}." for (title, convention), methods in other.items()]


def _show_placing(found: "TableAudit") -> None:
    table, placing = found.table, found.placing
    if placing is None:
        names = " and ".join(table.conventions)
        show(f"Its figures are of {names}; 'framecast audit {table.name} --run RUN' sets a run beside them.")
        return
    if placing.obstacles:
        show(f"{placing.run} cannot be compared with this table:", *(f"* {reason}" for reason in placing.obstacles))
        return
    titles = {group.name: group.title for group in table.groups}
    shown = _table(
        f"{placing.run} ({placing.model})", "among", "column", "convention", "value", "rank", "better", "worse"
    )
    for one in placing.places:
        figure = f"{one.value:.5g}"
        if one.interval is not None:
            figure += f" ({one.interval[0]:.4g} to {one.interval[1]:.4g})"
        rank = f"{one.rank} of {one.of}"
        if one.ranks is not None and one.ranks[0] != one.ranks[1]:
            rank += f" ({one.ranks[0]} to {one.ranks[1]})"
        neighbours = [f"{rival[0]} {rival[1]:.6g}" if rival else "–" for rival in (one.better, one.worse)]
        title = table.columns[one.column].title
        shown.add_row(titles[one.group], title, one.convention, figure, rank, *neighbours)
    show(shown if placing.places else "No figure of the run has a column here.")
    show("Before this is quoted:", *(f"* {caveat}" for caveat in placing.caveats))
    if placing.command is not None:
        show(f"* Not evaluated under {', '.join(placing.missing)}: {placing.command}")


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", show_header=bool(columns), box=None, pad_edge=False
    )
    for number, column in enumerate(columns or ("", "")):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    return table
