"""``framecast list``: what can be chosen."""

from typing import Literal

from rich.table import Table

from framecast.cli.terminal import Json, show, show_json

Kind = Literal["models", "losses", "metrics", "sources", "presets", "baselines", "conventions", "checks"]


def list_choices(kind: Kind | None = None, /, *, as_json: Json = False) -> int:
    """What can be chosen: models, losses, metrics, sources, presets, baselines, conventions, checks.

    Parameters
    ----------
    kind
        One kind; all when not given.
    as_json
        Results as JSON on standard output.
    """
    from framecast.workflows.listing import choices

    found = choices(kind)
    if as_json:
        show_json(found)
        return 0
    for name, entries in found.items():
        table = Table(title=name, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column()
        for key, summary in entries.items():
            table.add_row(key, summary)
        show(table, "")
    return 0
