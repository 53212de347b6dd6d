"""Recordings that the user names, with the settings that say how to read them: ``--set source.layout=TNHW``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framecast.frames.errors import ConfigurationError

if TYPE_CHECKING:
    from framecast.frames.source import Source


def open_named(location: str | Path, assignments: Sequence[str]) -> "Source":
    """Open what the user named.

    Args:
        location: a path, or the name of a generator.
        assignments: ``"source.layout=TNHW"`` and the like.

    Raises:
        FramecastError: nothing readable there, or a setting that it does not have.
    """
    from framecast.sources.open import open_source

    options = source_section(assignments)
    return open_source(location, kind=options.pop("kind", None), options=options)


def open_alike(run: Path, location: str | Path, assignments: Sequence[str]) -> "Source":
    """Open other recordings than a run was trained on, with the settings that those were read with.

    Args:
        run: the run.
        location: a path, or the name of a generator.
        assignments: ``"source.layout=TNHW"`` and the like, which come before the settings of the run.

    Raises:
        FramecastError: no run, nothing readable there, or a setting that it does not have.
    """
    from framecast.runs.configure import configure
    from framecast.runs.folder import RunFolder

    config = configure(file=RunFolder(run).require().config)
    return config.source.open_alike(location, source_section(assignments))


def with_flags(assignments: Sequence[str], *, drop_repeats: bool) -> tuple[str, ...]:
    """Settings, with those that have a flag of their own."""
    return (*assignments, "source.drop_repeats=true") if drop_repeats else tuple(assignments)


def reopened(run: Path, assignments: Sequence[str]) -> "Source":
    """Open the recordings that a run was trained on, with other settings.

    Raises:
        FramecastError: no run, recordings that are gone, or a setting that they do not have.
    """
    from framecast.runs.configure import configure
    from framecast.runs.folder import RunFolder

    config = configure(file=RunFolder(run).require().config, settings={"source": source_section(assignments)})
    return config.source.open()


def source_section(assignments: Sequence[str]) -> dict[str, Any]:
    """The settings of the source among ``--set key=value``.

    Raises:
        ConfigurationError: a setting of anything else.
    """
    from framecast.runs.resolve import parse_assignments

    section = parse_assignments(list(assignments)).pop("source", {})
    for assignment in assignments:
        if not assignment.strip().startswith("source."):
            raise ConfigurationError(
                f"Here --set says how recordings are read, such as source.layout=TNHW, found '{assignment}'."
            )
    return dict(section)
