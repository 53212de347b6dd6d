"""Write ``configuration.md``: every key of a configuration, from the dataclasses and the docstrings of their fields.

    python docs/make_configuration.py

A setting is described once, below its field. This script reads the fields of each section and of every choice in the
tables of sources, models and losses; a test fails when the page is not what it would write.
"""

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from framecast.clips.config import ClipsConfig
from framecast.frames.table import Table
from framecast.losses.loss import LossConfig
from framecast.losses.table import LOSSES
from framecast.models.table import MODELS
from framecast.runs.config import EvaluationConfig, ModelChoice, OutputConfig, SourceChoice, TrainingConfig
from framecast.sources.files import FilesConfig
from framecast.sources.table import READERS, SOURCES

PAGE = Path(__file__).with_name("configuration.md")

HEAD = """\
# Configuration

<!-- Written by docs/make_configuration.py. To change a text here, change the docstring of the setting in the code. -->

A configuration is a YAML file with up to seven sections. Whatever it leaves out has the default that stands here.

```yaml
source: {location: videos/}
clips: {context: 10, horizon: 10, size: 64, color: grey}
model: {name: convlstm, hidden: [64, 64]}
loss: {mse: 1, gdl: 0.1}
training: {epochs: 50, optimizer: {lr: 5.0e-4}}
evaluation: {conventions: [strict, tf]}
output: {run: runs/first}
```

```console
$ framecast train --config mine.yaml
$ framecast train --config mine.yaml --set clips.split.by=time --set training.optimizer.lr=3e-4 --epochs 5
$ framecast train --config mine.yaml --dry-run
```

The last command shows the resolved configuration with every key, and writes nothing. Of several sayings the strongest
holds: defaults < `--preset` < `--config` < `--set` < named flags such as `--epochs`. Keys merge one by one, with two
exceptions: naming another model or another source starts that section afresh, and a `loss` section of a preset or file
replaces the one below it whole (`--set loss.gdl=0.1` adds a term). A run folder's `config.yaml` is such a file, and
training from it reproduces the run.

In Python, `framecast.configure(source, preset=…, file=…, settings={"clips": {"context": 5}})` does the same.
"""

SECTIONS: list[tuple[str, str, type[Any]]] = [
    ("clips", "How clips are cut from the source, divided, and normalised.", ClipsConfig),
    ("training", "How the model is trained; [training.md](training.md) tells more.", TrainingConfig),
    ("evaluation", "What `framecast evaluate` does with the run.", EvaluationConfig),
    ("output", "Where results go.", OutputConfig),
]


def page() -> str:
    """The text of ``configuration.md``."""
    sections = {name: f"{opening(name, text)}\n{key_table(kind)}" for name, text, kind in SECTIONS}
    source = (
        opening(
            "source",
            "Where the recordings come from. `source: videos/` is short for `source: {location: videos/}`. The keys of "
            "a kind stand beside `location`; [own-data.md](own-data.md) explains them.",
        )
        + f"\n{key_table(SourceChoice, without=('options',))}"
        + f"\nEvery reader of files ({', '.join(READERS)}) knows these:\n\n{key_table(FilesConfig)}"
        + choices(SOURCES, "source", without=names(FilesConfig))
    )
    model = (
        opening(
            "model",
            "Which network. `model: convlstm` is short for `model: {name: convlstm}`. The keys of a model stand beside "
            "`name`.",
        )
        + f"\n{key_table(ModelChoice, without=('settings',), defaults={'name': 'convlstm'})}"
        + choices(MODELS, "model")
    )
    loss = (
        opening(
            "loss",
            "What training lowers: a weight for each loss, `loss: {mse: 1, ssim: 0.1}`, or a weight and the loss's own "
            "settings, `loss: {gdl: {weight: 0.1, alpha: 2}}`. `loss: mae` is short for `loss: {mae: 1}`. Without this "
            "section it is `mse`. Every loss has a weight:",
        )
        + f"\n{key_table(LossConfig)}"
        + choices(LOSSES, "loss", without=names(LossConfig))
    )
    order = [source, sections["clips"], model, loss, sections["training"], sections["evaluation"], sections["output"]]
    return "\n".join([HEAD, *order])


def opening(name: str, text: str) -> str:
    """A heading and a paragraph."""
    return f"## {name}\n\n{textwrap.fill(text, 120, break_on_hyphens=False)}\n"


def choices(table: Table, section: str, *, without: tuple[str, ...] = ()) -> str:
    """The settings of every entry of a table, without those that were said before; with those that it says anew."""
    parts: list[str] = []
    for name, entry in table.items():
        kind = entry.load().config_class
        anew = kind.__annotations__ if any(map(dataclasses.is_dataclass, kind.__bases__)) else ()
        said = tuple(key for key in without if key not in anew)
        own = f"\n{key_table(kind, without=said)}" if set(names(kind)) - set(said) else ""
        parts.append(f"\n### {section}: {name}\n\n{entry.summary}\n{own}")
    return "".join(parts)


def names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind))


def key_table(kind: type[Any], *, without: tuple[str, ...] = (), defaults: Mapping[str, Any] | None = None) -> str:
    """The fields of a dataclass, those of dataclasses inside it included, as a table of Markdown."""
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field, hint, text in keys(kind):
        if key.split(".")[0] in without:
            continue
        default = (defaults or {}).get(key, default_of(field))
        shown = "–" if default is dataclasses.MISSING else f"`{as_yaml(default)}`"
        lines.append(f"| `{key}` | {in_words(hint)} | {shown} | {prose(text)} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


def keys(kind: type[Any], prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any], Any, str]]:
    """Dotted key, field, type and docstring of every setting."""
    hints, texts = get_type_hints(kind), docstrings(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from keys(hint, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field, hint, texts.get(field.name, "")


def docstrings(kind: type[Any]) -> dict[str, str]:
    """The text below each field, from the source of a class and of those that it extends."""
    found: dict[str, str] = {}
    for base in reversed([base for base in kind.__mro__ if dataclasses.is_dataclass(base)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for line, following in zip(body.body, body.body[1:], strict=False):
            match line, following:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = inspect.cleandoc(text)
                case _:
                    pass
    return found


def default_of(field: dataclasses.Field[Any]) -> Any:
    """The default of a field, MISSING when it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def as_yaml(value: Any) -> str:
    """A value on one line, as a configuration file would have it."""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def in_words(hint: Any) -> str:
    """A type as a person who writes YAML would say it."""
    simple = {int: "whole number", float: "number", str: "text", Path: "path", NoneType: "null"}
    simple[bool] = "`true`, `false`"
    if hint in simple:
        return simple[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(f"`{as_yaml(part)}`" for part in parts)
    if origin in (Union, UnionType):
        *first, last = (in_words(part) for part in parts)
        return f"{', '.join(first)} or {last}"
    if origin is tuple and parts[-1] is Ellipsis:
        return f"list of {in_words(parts[0])}s".replace("texts", "names")
    if origin is tuple:
        return f"{len(parts)} {in_words(parts[0])}s"
    if origin is dict:
        return f"{in_words(parts[1])}s by name"
    raise TypeError(f"no words for the type {hint}")


def prose(text: str) -> str:
    """A docstring as a cell of a Markdown table."""
    text = " ".join(text.split()).replace("``", "`").replace("|", "\\|")
    return text.replace(". None", ". Null").replace("None", "null").removeprefix("null ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
