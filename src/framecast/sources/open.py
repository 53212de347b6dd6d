"""From what a user types to a source: the one door of this room."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from framecast.frames.errors import ConfigurationError, SourceError
from framecast.frames.paths import user_path
from framecast.frames.settings import settings
from framecast.frames.source import Source
from framecast.sources.files import RUN_MARKS, FilesConfig, endings_found, walk
from framecast.sources.repeats import without_repeats
from framecast.sources.store.index import is_store
from framecast.sources.table import READERS, SOURCES


def open_source(
    location: str | Path | Source, *, kind: str | None = None, options: Mapping[str, Any] | None = None
) -> Source:
    """Open a source.

    Args:
        location: a path, or the name of a generator or known data set (a folder of such a name is reached as
            ``./name``). A source that is already open is returned as it is.
        kind: name of an entry of the table of sources. None: a generator of that name, else the first reader that
            recognises the path.
        options: settings of the source; each kind has its own.

    Returns:
        The source; no frame has been decoded yet.

    Raises:
        ConfigurationError: an unknown kind or setting.
        SourceError: nothing is there, or nothing that can be read; says what was found and what is readable.
    """
    if isinstance(location, Source):
        if options or kind not in (None, location.kind):
            raise ConfigurationError(
                f"'{location.location}' is already open as '{location.kind}'; its kind and settings cannot change now."
            )
        return location
    name = str(location)
    kind = kind_of(name) if kind is None else kind
    source_class = SOURCES.load(kind)
    config = settings(source_class.config_class, options, where="source")
    if kind in READERS:
        _check_place(name, user_path(name))
    source: Source = source_class.open(name, config)
    if not isinstance(config, FilesConfig):
        return source
    if note := _group_note(source, config):
        source = replace(source, notes=(*source.notes, note))
    return without_repeats(source) if config.drop_repeats else source


def kind_of(location: str | Path) -> str:
    """The kind of source that a location is.

    Args:
        location: a path, or the name of a generator or known data set.

    Returns:
        A generator or data set of that name, else the first reader that recognises the path.

    Raises:
        SourceError: nothing is there, or nothing that can be read.
    """
    name = str(location)
    if name in SOURCES and name not in READERS:
        return name
    path = user_path(name)
    _check_place(name, path)
    for kind in READERS:
        if SOURCES.load(kind).recognises(path):
            return kind
    raise SourceError(_not_readable(name, path))


def _group_note(source: Source, config: FilesConfig) -> str | None:
    """A sentence, where the groups that were asked for do not come about: a test could hold what training saw."""
    if config.group_pattern is None:
        return None
    names = [sequence.info.name for sequence in source.sequences]
    without = [name for name in names if not config.group(name)]
    if not without:
        return None
    return (
        f"source.group_pattern={config.group_pattern} finds nothing in {len(without)} of {len(names)} names, such as "
        f"'{without[0]}'; each of these stays in the group that it has by itself."
    )


def _check_place(name: str, path: Path) -> None:
    """Refuse what is not there, what nobody may look at, and what is neither a file nor a folder."""
    try:
        if path.is_file() or path.is_dir():
            return
        if path.exists():
            raise SourceError(f"'{name}' is neither a file nor a folder; give the path of recordings.")
    except OSError as error:  # a link that leads to itself, a name longer than the system allows
        raise SourceError(f"'{name}' cannot be opened: {error.strerror or error}.") from error
    if path.is_symlink():
        raise SourceError(f"'{name}' is a link to '{path.readlink()}', where nothing is; mend the link.")
    raise SourceError(_not_found(name))


def _not_found(name: str) -> str:
    generators = [choice for choice in SOURCES if choice not in READERS]
    if name in READERS:
        return f"'{name}' is a kind of source, not a place: give the path of a file or folder and set kind to '{name}'."
    path = user_path(name)
    if any(sign in path.name for sign in "*?") and path.parent.is_dir():
        return (
            f"There is no file or folder '{name}'. To read only some of the files in '{path.parent}', give the folder "
            f"and set source.pattern='{path.name}'."
        )
    near = get_close_matches(name, generators, n=1)
    if path.parent.is_dir():
        siblings = {entry.name: str(entry) for entry in _listed(path.parent) if not entry.name.startswith(".")}
        near += [siblings[match] for match in get_close_matches(path.name, siblings, n=2)]
        place = "" if near else f" The folder '{path.parent}' exists, but holds nothing of a similar name."
    else:
        place = f" The folder '{path.parent}' does not exist either."
    hint = f"; did you mean {' or '.join(repr(match) for match in near)}?" if near else "."
    return f"There is no file or folder '{name}'{hint}{place} Known by name: {', '.join(generators)}."


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # one may reach into a folder, and yet not be allowed to list it
        return []


def _not_readable(name: str, path: Path) -> str:
    if path.is_dir() and all((path / mark).is_file() for mark in RUN_MARKS):
        return f"'{name}' is a run, not recordings; give what it shall be used on, or what it was trained on."
    stores = [found for found in walk(path, (".zarr",)) if is_store(found)] if path.is_dir() else []
    if stores:
        first = min(stores).relative_to(path).as_posix()
        return f"'{name}' holds prepared stores ({len(stores)}), which are given one by one, such as '{name}/{first}'."
    found = f"found {endings_found(walk(path))}" if path.is_dir() else f"its ending is '{path.suffix}'"
    endings = dict.fromkeys(ending for kind in READERS for ending in SOURCES.load(kind).endings)
    return (
        f"Nothing in '{name}' can be read: {found}. Readable are {', '.join(endings)}, and folders of them; "
        f"a file with another ending can be tried by setting the kind ({', '.join(READERS)})."
    )
