"""``framecast weights``: networks trained elsewhere that some metrics and losses look through."""

from rich.table import Table

from framecast.cli.terminal import Flag, Json, show, show_json, show_note

_STATES = {"published": "here", "other": "here, but another file than the published one", "missing": "missing"}


def weights(name: str | None = None, /, *, fetch: Flag = False, as_json: Json = False) -> int:
    """Which weights of networks trained elsewhere are here; fetch what is missing.

    Parameters
    ----------
    name
        One file, such as vgg16; all when not given.
    fetch
        Download what is missing into framecast's cache and verify its checksum.
    as_json
        Results as JSON on standard output.
    """
    from framecast.workflows.weights import weights as run_weights

    found = run_weights(
        name,
        fetch=fetch,
        watch=lambda file: show_note(f"Fetching {file.remote.name} ({file.size}) ..."),
    )
    if as_json:
        show_json(
            [
                {
                    "name": status.name,
                    "file": status.file,
                    "bytes": status.num_bytes,
                    "needed_for": status.needed_for,
                    "state": status.state,
                    "path": None if status.path is None else str(status.path),
                }
                for status in found
            ]
        )
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "file", "size", "state", "needed for"):
        table.add_column(heading, no_wrap=heading in ("name", "size"))
    for status in found:
        table.add_row(status.name, status.file, status.size, _STATES[status.state], status.needed_for)
    show(table)
    show(*(f"{status.name}: {status.path}" for status in found if status.path is not None))
    missing = [status.name for status in found if status.state == "missing"]
    if missing:
        which = f"{missing[0]} " if len(missing) == 1 else ""
        show(f"To download and verify what is missing: framecast weights {which}--fetch")
    return 0
