"""Layers of settings: which one wins, what is refused, and that a resolved configuration survives its own file."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framecast.frames.errors import ConfigurationError
from framecast.models.convlstm import ConvLSTMConfig
from framecast.models.convlstm_stack import ConvLSTMStackConfig
from framecast.runs.config import RunConfig, TrainingConfig
from framecast.runs.configure import configure
from framecast.runs.resolve import as_layer, read_yaml, resolve, to_yaml


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def test_each_layer_wins_over_those_below_it(file: Path) -> None:
    written(file, "training: {batch_size: 5}\n")
    layers: list[dict[str, Any]] = [
        {},
        {"preset": "r2"},
        {"file": file},
        {"assignments": ["training.batch_size=3"]},
        {"settings": {"training": {"batch_size": 2}}},
    ]
    found: list[int] = []
    said: dict[str, Any] = {}
    for layer in layers:
        said |= layer
        config = configure("random", **said)
        found.append(config.training.batch_size)
    assert found == [TrainingConfig().batch_size, 8, 5, 3, 2]
    assert config.training.optimizer.lr == 5e-4  # what upper layers do not mention stays as the preset has it
    assert config.source.location == "random"  # the argument wins over the preset's moving-mnist


def test_later_assignments_win() -> None:
    assert configure("random", assignments=["training.epochs=3", "training.epochs=4"]).training.epochs == 4


@pytest.mark.parametrize("how", ["file", "assignments", "settings"])
def test_zero_false_and_null_are_values(file: Path, how: str) -> None:
    written(file, "training: {clip_norm: null, min_delta: 0}\nclips: {augment: {noise: 0, flip_vertical: false}}\n")
    said: dict[str, dict[str, Any]] = {
        "file": {"file": file},
        "assignments": {
            "assignments": [
                "training.clip_norm=null",
                "training.min_delta=0",
                "clips.augment.noise=0",
                "clips.augment.flip_vertical=false",
            ]
        },
        "settings": {
            "settings": {
                "training": {"clip_norm": None, "min_delta": 0},
                "clips": {"augment": {"noise": 0, "flip_vertical": False}},
            }
        },
    }
    config = configure("random", preset="r2", **said[how])
    assert config.training.clip_norm is None
    assert config.training.min_delta == 0
    assert config.clips.augment.noise == 0
    assert not config.clips.augment.flip_vertical
    assert config.clips.augment.flip_horizontal  # said by the preset, and not taken back


def test_a_source_option_of_null_is_kept() -> None:
    config = configure("moving-digits", settings={"source": {"digit_size": None, "canvas": 40}})
    assert config.source.options == {"digit_size": None, "canvas": 40}
    assert as_layer(config)["source"] == {"location": "moving-digits", "digit_size": None, "canvas": 40}


@pytest.mark.parametrize("section", ["clips", "training", "model", "loss", "evaluation", "source"])
def test_an_empty_section_says_nothing(file: Path, section: str) -> None:
    written(file, f"{section}:\n")
    assert configure(preset="demo", file=file) == configure(preset="demo")


@pytest.mark.parametrize("section", ["clips", "training", "model", "loss", "evaluation", "source", "output"])
@pytest.mark.parametrize("value", [0, False, [], 1.5])
def test_a_section_that_holds_no_settings_is_refused(section: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=section):
        configure(preset="demo", settings={section: value})


def test_another_model_starts_its_section_afresh(file: Path) -> None:
    written(file, "model: {name: convlstm, patch: 2}\n")
    config = configure("random", preset="r2", file=file)
    assert config.model.name == "convlstm"
    assert config.model.settings == ConvLSTMConfig(patch=2)


def test_the_same_model_is_extended(file: Path) -> None:
    written(file, "model: {name: convlstm_stack, peepholes: true}\n")
    settings = configure("random", preset="r2", file=file).model.settings
    assert isinstance(settings, ConvLSTMStackConfig)
    assert settings.peepholes
    assert settings.kernel_sizes == (5, 3, 1)


def test_settings_of_a_model_and_its_name_may_come_in_any_order() -> None:
    for assignments in (
        ["model.head_kernel=5", "model.name=convlstm_stack"],
        ["model.name=convlstm_stack", "model.head_kernel=5"],
    ):
        for preset in (None, "demo", "r2"):
            settings = configure("random", preset=preset, assignments=assignments).model.settings
            assert isinstance(settings, ConvLSTMStackConfig)
            assert settings.head_kernel == 5


def test_settings_below_an_unnamed_model_belong_to_the_default_one(file: Path) -> None:
    written(file, "model: {patch: 2}\n")
    assert configure("random", file=file).model.settings == ConvLSTMConfig(patch=2)
    named = configure("random", file=file, assignments=["model.name=convlstm"])
    assert named.model.settings == ConvLSTMConfig(patch=2)
    other = configure("random", file=file, assignments=["model.name=convlstm_stack"])
    assert other.model.settings == ConvLSTMStackConfig()


def test_another_source_starts_its_section_afresh() -> None:
    assert configure(preset="demo").source.options["canvas"] == 32
    assert configure("random", preset="demo").source.options == {}
    assert configure("moving-digits", preset="demo").source.options["canvas"] == 32


def test_a_source_and_settings_said_with_it_reach_each_other() -> None:
    config = configure("random", preset="demo", assignments=["source.height=8"])
    assert config.source.options == {"height": 8}


def test_a_generator_is_not_mistaken_for_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "random").mkdir()
    (tmp_path / "videos").mkdir()
    monkeypatch.chdir(tmp_path)
    assert configure("random").source.location == "random"
    assert configure("./random").source.location == str(tmp_path / "random")
    assert configure("videos").source.location == str(tmp_path / "videos")
    for nowhere in ("nowhere", "~nobody-of-this-name/videos", "x" * 5000):
        assert configure(nowhere).source.location == nowhere


def test_a_file_names_the_whole_loss_and_an_assignment_adds_to_it(file: Path) -> None:
    written(file, "loss: {mae: 1, ssim: 0.1}\n")
    base = configure("random", preset="r2").loss
    assert base == {"bce": 10.0, "perceptual": 0.1, "gdl": {"weight": 0.1, "alpha": 1.0}}
    assert configure("random", preset="r2", file=file).loss == {"mae": 1, "ssim": 0.1}
    assert configure("random", preset="r2", assignments=["loss.ssim=0.5"]).loss == base | {"ssim": 0.5}
    assert configure("random", preset="r2", assignments=["loss.gdl.alpha=2"]).loss == {
        "bce": 10.0,
        "perceptual": 0.1,
        "gdl": {"weight": 0.1, "alpha": 2},
    }
    assert configure("random", preset="r2", assignments=["loss=mse"]).loss == {"mse": 1.0}
    assert configure("random", preset="r2", assignments=["loss=mse", "loss.gdl=1"]).loss == {"mse": 1.0, "gdl": 1}
    assert configure("random", preset="r2", settings={"loss": "mae"}).loss == {"mae": 1.0}


def test_short_forms(file: Path) -> None:
    written(file, "source: random\nmodel: convlstm_stack\nloss: bce\n")
    config = configure(file=file)
    assert (config.source.location, config.model.name, config.loss) == ("random", "convlstm_stack", {"bce": 1.0})


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("trainign.epochs=3", "'trainign'; did you mean 'training'"),
        ("training.epoch=3", "In 'training': .*'epoch'; did you mean 'epochs'"),
        ("training.optimizer.learning_rte=3", "In 'training.optimizer': .*'learning_rte'"),
        ("training.optimizer.lrr=3", "did you mean 'lr'"),
        ("clips.contxt=3", "did you mean 'context'"),
        ("clips.split.tran=3", "In 'clips.split': .*did you mean 'train'"),
        ("model.hiden=[3]", "In 'model': .*'hiden'; did you mean 'hidden'"),
        ("model.name=convlsm", "model 'convlsm'; did you mean 'convlstm'"),
        ("loss.mee=1", "did you mean 'mse'"),
        ("loss.gdl.alfa=1", "In 'loss.gdl': .*did you mean 'alpha'"),
        ("evaluation.conventions=[strikt]", "did you mean 'strict'"),
        ("evaluation.baselines=[persistance]", "did you mean 'persistence'"),
        ("training.epochs=many", "'training.epochs' does not fit: found 'many'"),
        ("training.schedule.name=cosin", "'training.schedule.name' does not fit: found 'cosin'"),
        ("training.optimizer.lr=0", "lr must be above 0"),
        ("training.seed=-1", "seed must be at least 0"),
        ("evaluation.batch_size=0", "batch_size must be at least 1"),
        ("evaluation.conventions=[]", "conventions must name"),
        ("evaluation.baselines=[mean, mean]", "the same twice"),
        ("training.penalties.entropy=-1", "penalty 'entropy'"),
        ("loss={}", "'loss' names nothing to train on"),
        ("model.name=[1]", "'model.name' must be a text"),
        ("training.epochs", "needs key=value, found 'training.epochs'"),
        ("training.epochs=[1", "--set training.epochs: "),
    ],
)
def test_mistakes_name_the_key_and_the_nearest_choice(assignment: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        configure("random", assignments=[assignment])


def test_mistakes_in_a_file_name_the_file(file: Path) -> None:
    for text in ("training: [1\n", "clipz: {}\n", "- a\n- list\n", "just text\n"):
        with pytest.raises(ConfigurationError, match=r"settings\.yaml"):
            read_yaml(written(file, text))
    file.write_bytes(b"clips: \xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"settings\.yaml"):
        read_yaml(file)
    with pytest.raises(ConfigurationError, match="did you mean 'clips'"):
        read_yaml(written(file, "clipz: {}\n"))
    with pytest.raises(ConfigurationError, match="There is no configuration file"):
        read_yaml(file.with_name("absent.yaml"))
    assert read_yaml(written(file, "# nothing yet\n")) == {}


def test_a_location_is_a_text() -> None:
    for location in (7, 0, False, ["a"]):
        with pytest.raises(ConfigurationError, match=r"'source.location' must be a text, found"):
            configure(settings={"source": {"location": location}})


def test_no_source_is_a_mistake_that_says_how_to_name_one() -> None:
    with pytest.raises(ConfigurationError, match="No source was named"):
        configure(preset="r1")


@pytest.mark.parametrize("text", ["5e-4", "5E-4", "5.0e-4", "0.0005", "+5e-4", "5.e-4"])
def test_a_learning_rate_is_a_number_however_it_is_written(file: Path, text: str) -> None:
    written(file, f"training: {{optimizer: {{lr: {text}}}}}\n")
    assert read_yaml(file)["training"]["optimizer"]["lr"] == 5e-4
    assert configure("random", assignments=[f"training.optimizer.lr={text}"]).training.optimizer.lr == 5e-4


def round_trip(config: RunConfig, file: Path) -> RunConfig:
    return resolve(read_yaml(written(file, to_yaml(config))))


TEXT = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=12)
"""Whatever can be seen on a screen: a name with control characters is more than YAML promises to keep."""


@settings(max_examples=40, deadline=None)
@given(
    lr=st.floats(min_value=1e-12, max_value=1e3),
    location=TEXT,
    size=st.one_of(st.none(), st.integers(1, 99), st.tuples(st.integers(1, 99), st.integers(1, 99))),
    clip_norm=st.one_of(st.none(), st.floats(min_value=1e-6, max_value=1e6)),
    option=st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.lists(st.integers(), max_size=3)),
)
def test_any_configuration_survives_its_own_file(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    lr: float,
    location: str,
    size: int | tuple[int, int] | None,
    clip_norm: float | None,
    option: Any,
) -> None:
    config = configure(
        settings={
            "source": {"location": location, "option": option},
            "clips": {"size": size},
            "training": {"optimizer": {"lr": lr}, "clip_norm": clip_norm},
            "loss": {"mse": 1, "gdl": {"weight": lr}},
        },
    )
    assert round_trip(config, tmp_path_factory.mktemp("round") / "config.yaml") == config


def test_text_that_looks_like_a_number_stays_text(file: Path) -> None:
    for location in ("1e5", "5e-4", "12", "null", "true", "0x10", "1_000", "no"):
        assert round_trip(configure(location), file).source.location == location
