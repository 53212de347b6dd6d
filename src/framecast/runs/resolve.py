"""From layers of settings to one resolved configuration, and back to a mapping that a YAML file can hold.

Layers, weakest first: defaults, preset, configuration file, ``--set``, named flags. Mappings merge key by key, with
two exceptions: a layer that names another model or source starts that section afresh (the settings of one model mean
nothing to another), and the ``loss`` section of a preset or file replaces the one before it (a sum is named whole).
A section without any content says nothing, but a single setting of 0, false or null is a value like any other.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from framecast.clips.config import ClipsConfig
from framecast.frames.errors import ConfigurationError, unknown_choice
from framecast.frames.paths import user_path
from framecast.frames.settings import settings
from framecast.losses.weighted_sum import build_loss
from framecast.metrics.conventions.table import CONVENTIONS
from framecast.models.baselines.table import BASELINES
from framecast.models.table import MODELS
from framecast.runs.config import (
    EvaluationConfig,
    ModelChoice,
    OutputConfig,
    RunConfig,
    SourceChoice,
    TrainingConfig,
)
from framecast.sources.table import READERS, SOURCES

SECTIONS = tuple(field.name for field in dataclasses.fields(RunConfig))
_PATHS_OF_SOURCES = ("folder", "file", "list", "lists")
"""Settings of sources that are paths."""

_PLUG_KEY = {"source": "location", "model": "name"}
_SHORT_FORM = {**_PLUG_KEY, "loss": None}

DEFAULTS: Mapping[str, Any] = {"model": {"name": "convlstm"}}
"""The weakest layer; all other defaults stand in the dataclasses."""

Layer = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads ``1e-4`` as text because it has no dot; a person means a number."""


class _Dumper(yaml.SafeDumper):
    """Puts quotation marks around text that :class:`_Loader` would take for a number."""


for _side in (_Loader, _Dumper):
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one layer from a YAML file.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or holds an unknown top-level key; names the file.
    """
    if not path.is_file():
        raise ConfigurationError(f"There is no configuration file '{path}'; give the path of a YAML file.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"'{path}' is not valid YAML: {_yaml_problem(error)}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"'{path}' must hold sections ({', '.join(SECTIONS)}), found {type(content).__name__}."
        )
    try:
        _check_sections(content)
    except ConfigurationError as error:
        raise ConfigurationError(f"In '{path}': {error}") from None
    return content


def parse_assignments(assignments: list[str]) -> dict[str, Any]:
    """Turn ``["training.optimizer.lr=1e-4", ...]`` into a layer; values are read as YAML.

    ``loss.gdl=0.1`` adds a term to whatever loss there is, ``loss=mse`` names the whole of it (see :func:`names_loss`).

    Raises:
        ConfigurationError: an assignment without ``=``, or with a list, mapping or quotation that YAML cannot read.
    """
    layer: dict[str, Any] = {}
    for assignment in assignments:
        dotted, equals, text = assignment.partition("=")
        if not equals or not dotted.strip():
            raise ConfigurationError(f"--set needs key=value, found '{assignment}'; for example training.batch_size=8.")
        try:
            value = yaml.load(text, Loader=_Loader)
        except yaml.YAMLError:
            if text.lstrip().startswith(("[", "{", '"', "'")):
                raise ConfigurationError(f"--set {dotted}: '{text}' is not a value that YAML knows.") from None
            value = text.strip()  # "*.avi" is text to a person, though YAML takes the star for a sign of its own
        layer = merge(layer, nested(dotted.strip(), value), whole_loss=dotted.strip() == "loss")
    _check_sections(layer)
    return layer


def names_loss(assignments: Iterable[str]) -> bool:
    """Whether one of ``["key=value", ...]`` names the whole loss."""
    return any(assignment.partition("=")[0].strip() == "loss" for assignment in assignments)


def nested(dotted: str, value: Any) -> dict[str, Any]:
    """``nested("a.b", 1)`` is ``{"a": {"b": 1}}``."""
    for key in reversed(dotted.split(".")):
        value = {key: value}
    return value


def merge(below: Layer, above: Layer, *, whole_loss: bool = True) -> dict[str, Any]:
    """Lay one layer over another.

    Args:
        below: the weaker layer.
        above: the stronger one.
        whole_loss: the stronger layer's ``loss`` replaces the weaker's instead of adding to it.
    """
    merged = {name: _long_form(name, section) for name, section in below.items()}
    for name, short_or_long in above.items():
        section = _long_form(name, short_or_long)
        earlier = merged.get(name)
        if section is None:
            merged.setdefault(name, None)
        elif not isinstance(earlier, Mapping) or not isinstance(section, Mapping):
            merged[name] = section
        elif (name == "loss" and whole_loss) or _names_another(name, earlier, section):
            merged[name] = dict(section)
        else:
            merged[name] = _merge_mapping(earlier, section)
    return merged


def resolve(layer: Layer) -> RunConfig:
    """Check a merged layer and fill in every default.

    Raises:
        ConfigurationError: an unknown key or name, a value of the wrong kind, or no source.
    """
    _check_sections(layer)
    sections = merge(DEFAULTS, layer)
    loss = {"mse": 1.0} if sections.get("loss") is None else sections["loss"]
    training = settings(TrainingConfig, sections.get("training"), where="training")
    evaluation = settings(EvaluationConfig, sections.get("evaluation"), where="evaluation")
    # Nothing is built here for use: mistakes are to be found before anything is read, not after hours of training.
    build_loss(loss, training.penalties)
    for table, names in ((CONVENTIONS, evaluation.conventions or ()), (BASELINES, evaluation.baselines or ())):
        for name in names:
            table[name]
    return RunConfig(
        source=_source(_options("source", sections.get("source"))),
        clips=settings(ClipsConfig, sections.get("clips"), where="clips"),
        model=_model(_options("model", sections["model"])),
        loss=dict(loss),
        training=training,
        evaluation=evaluation,
        output=settings(OutputConfig, sections.get("output"), where="output"),
    )


def as_layer(config: RunConfig) -> dict[str, Any]:
    """The mapping that resolves to this configuration again; plain lists, numbers and texts, as YAML wants them."""
    kind = {} if config.source.kind is None else {"kind": config.source.kind}
    return _plain(
        {
            "source": {"location": config.source.location, **kind, **config.source.options},
            "clips": dataclasses.asdict(config.clips),
            "model": {"name": config.model.name, **dataclasses.asdict(config.model.settings)},
            "loss": config.loss,
            "training": dataclasses.asdict(config.training),
            "evaluation": dataclasses.asdict(config.evaluation),
            "output": dataclasses.asdict(config.output),
        }
    )


def to_yaml(config: RunConfig) -> str:
    """The resolved configuration as the text of ``config.yaml``."""
    return yaml.dump(
        as_layer(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


def _options(name: str, section: Any) -> dict[str, Any]:
    """A copy of the section of a plug, whose name must be a text."""
    key = _PLUG_KEY[name]
    if section is not None and not isinstance(section, Mapping):
        raise ConfigurationError(f"'{name}' must hold a name or named settings ({key}: ...), found {section!r}.")
    options = dict(section or {})
    if options.get(key) is not None and not isinstance(options[key], str):
        raise ConfigurationError(f"'{name}.{key}' must be a text, found {options[key]!r}.")
    return options


def _source(options: dict[str, Any]) -> SourceChoice:
    location = options.pop("location", None)
    if not location:
        raise ConfigurationError(
            "No source was named; give a path or the name of a generator (framecast list sources), on the command line "
            "or as 'source' in the configuration file."
        )
    for key in _PATHS_OF_SOURCES:
        if isinstance(options.get(key), str):
            options[key] = _absolute(options[key])
    # A generator is meant, also where a folder of its name lies: that one is reached as ./name.
    generator = location in SOURCES and location not in READERS
    return SourceChoice(
        location=location if generator else _absolute(location), kind=options.pop("kind", None), options=options
    )


def _absolute(path: str) -> str:
    """Paths are saved with the run, which may be used from another folder; what does not exist stays as it is."""
    place = user_path(path)
    try:
        return str(place.resolve()) if place.exists() else path
    except OSError:  # a name longer than the system allows
        return path


def _model(options: dict[str, Any]) -> ModelChoice:
    name = options.pop("name", None) or DEFAULTS["model"]["name"]
    return ModelChoice(name=name, settings=settings(MODELS.load(name).config_class, options, where="model"))


def _long_form(name: str, section: Any) -> Any:
    """``model: convlstm`` and ``loss: mse`` are short for ``{name: convlstm}`` and ``{mse: 1}``."""
    if isinstance(section, str | Path) and name in _SHORT_FORM:
        key = _SHORT_FORM[name]
        return {str(section): 1.0} if key is None else {key: str(section)}
    return section


def _names_another(name: str, earlier: Mapping[str, Any], section: Mapping[str, Any]) -> bool:
    """Whether a section names a plug other than the one that the settings below it were made for."""
    key = _PLUG_KEY.get(name)
    return key is not None and key in section and key in earlier and section[key] != earlier[key]


def _merge_mapping(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        earlier = merged.get(key)
        if isinstance(earlier, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge_mapping(earlier, value)
        else:
            merged[key] = value
    return merged


def _yaml_problem(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """What YAML says over several lines, in one."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem is not None and error.problem_mark is not None:
        return f"{error.problem} in line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    return " ".join(str(error).split())


def _check_sections(layer: Layer) -> None:
    for name in layer:
        if name not in SECTIONS:
            raise ConfigurationError(unknown_choice("section", str(name), SECTIONS))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
