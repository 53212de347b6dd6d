"""Train: recordings in, a run folder out."""

import dataclasses
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray

from framecast.clips.late_drawing import draw_late
from framecast.clips.leaks import LeakReport, find_leaks
from framecast.clips.normaliser import Normaliser
from framecast.clips.preparing import ClipSets, prepare_clips
from framecast.frames.errors import ConfigurationError, RunError, SplitError, TrainingError
from framecast.frames.source import Source
from framecast.losses.weighted_sum import WeightedSum, build_loss
from framecast.models.building import build_model
from framecast.models.counting import macs_per_frame, parameter_count
from framecast.models.layers.fusing import compile_seconds
from framecast.models.layers.recurrence import set_recurrence
from framecast.models.model import Model
from framecast.models.summary import summary
from framecast.runs.config import OutputConfig, RunConfig
from framecast.runs.configure import configure
from framecast.runs.division import load_division, save_division
from framecast.runs.folder import Mode, RunFolder
from framecast.runs.record import RunRecord, Status, installed_versions
from framecast.runs.resolve import as_layer, to_yaml
from framecast.runs.run import Run, load_normaliser, load_static, load_weights, save_weights
from framecast.sources.store.source import StoreSource
from framecast.training.baselines import fit_baselines
from framecast.training.compiling import choose_compile
from framecast.training.device import choose_device, choose_precision
from framecast.training.gradients import check_recording
from framecast.training.host_memory import keep_freed_memory
from framecast.training.module import TrainingModule
from framecast.training.pictures import ValidationPictures
from framecast.training.progress import SilentMonitor
from framecast.training.sampling import check_sampling
from framecast.training.trainer import Monitor, Trainer, build_fabric
from framecast.workflows.data_page import write_data_page
from framecast.workflows.doctor import examined, short_check_before, with_findings


@final
@dataclasses.dataclass(frozen=True)
class Prepared:
    """Everything that training needs, before the first step."""

    config: RunConfig
    source: Source
    clips: ClipSets
    model: Model
    loss: WeightedSum
    """Ready for these clips."""


def prepare_training(
    config: RunConfig,
    *,
    normaliser: Normaliser | None = None,
    static: NDArray[np.float32] | None = None,
    source: Source | None = None,
) -> Prepared:
    """Open the source, cut it into clips, build the model and get the losses ready; nothing is written.

    Args:
        config: the resolved configuration.
        normaliser: the one of an earlier run, to continue it; None fits a new one on the training clips.
        static: the fields that an earlier run keeps; None reads them anew.
        source: recordings to use instead of the configured ones.

    Raises:
        FramecastError: bad settings or recordings, nothing to train or validate on, or weights of a loss are missing.
    """
    # A device or compiler that is not there is found before anything is read or written.
    device = torch.device(choose_device(config.training.device))
    choose_compile(config.training.compile, device.type, flops=0)
    loss = build_loss(config.loss, config.training.penalties)
    check_recording(config.training, device.type, loss)
    if source is None:
        source = config.source.open()
    config = _as_prepared(config, source)
    clips = prepare_clips(source, config.clips, seed=config.training.seed, normaliser=normaliser, static=static)
    for split in ("train", "validation"):
        if not len(clips.of(split)):
            raise SplitError(f"Training needs {split} clips, and there are none; give clips.split.{split} a share.")
    with torch.random.fork_rng():
        loss.prepare(clips.spec, clips.normaliser.normalise)  # finds out whether it has the weights that it needs
        torch.manual_seed(config.training.seed)
        model = build_model(config.model.name, config.model.settings, clips.spec)
    check_sampling(config.training.sampling, model)
    draw_late(clips.train, config.training.draw_on_device, device)  # refuses what it cannot do
    return Prepared(config, source, clips, model, loss)


def _as_prepared(config: RunConfig, source: Source) -> RunConfig:
    """With the size and colour in which a store was prepared, so that other recordings are brought to them later."""
    if not isinstance(source, StoreSource) or config.clips.fit != "stretch":
        return config
    changes: dict[str, Any] = {}
    if config.clips.size is None and (size := source.origin.get("size")) is not None:
        changes["size"] = (size, size) if isinstance(size, int) else tuple(size)
    if config.clips.color == "keep" and source.origin.get("color", "keep") != "keep":
        changes["color"] = source.origin["color"]
    return dataclasses.replace(config, clips=dataclasses.replace(config.clips, **changes)) if changes else config


def train(
    config: RunConfig,
    *,
    out: str | Path | None = None,
    source: Source | None = None,
    resume: bool = False,
    overwrite: bool = False,
    init_from: str | Path | None = None,
    monitor: Monitor | None = None,
) -> Run:
    """Train a forecaster.

    Args:
        config: what :func:`framecast.configure` returns.
        out: the run folder; None takes ``output.run`` of the configuration.
        source: recordings to use instead of the configured ones (an object made in Python).
        resume: continue the run in ``out`` exactly where it stopped; ``config`` is the run's own, or that of
            :func:`resumed_config`.
        overwrite: replace the run in ``out``.
        init_from: a run whose weights the model starts from.
        monitor: who watches; None is silent.

    Returns:
        The run, opened with its best weights. ``run.record.status`` says how training ended; "interrupted"
        after Ctrl-C.

    Raises:
        FramecastError: bad settings, recordings or folder; a loss that is no longer finite.
    """
    target = out if out is not None else config.output.run
    if target is None:
        raise ConfigurationError("No run folder was named; give --out RUN, or output.run in the configuration file.")
    folder = RunFolder(target)
    mode: Mode = "resume" if resume else "overwrite" if overwrite else "new"
    folder.check(mode)
    earlier, static = None, None
    if resume:
        _check_resumable(folder, config)
        earlier = load_normaliser(folder)
        static = load_static(folder) if config.clips.channels.static else None
    prepared = prepare_training(config, normaliser=earlier, static=static, source=source)
    if init_from is not None:
        load_weights(prepared.model, RunFolder(init_from).require().weights)
    with folder.locked():
        folder.check(mode)  # again: another training may have come and gone while this one was preparing
        if resume:
            record = _record_to_continue(folder, prepared)
        else:
            leaks = find_leaks(prepared.clips, budget=prepared.config.clips.leak_frames)
            record = _first_record(prepared, leaks)
            if overwrite:
                folder.clear()  # no sooner: a recording that cannot be read costs nobody the earlier run
            _write_before_training(folder, prepared, record)
            if leaks is not None:
                folder.leaks.write_text(leaks.to_json(), encoding="utf-8")
            diagnosis = short_check_before(
                folder, config=prepared.config, clips=prepared.clips, model=prepared.model, leaks=leaks
            )
            record = with_findings(record, diagnosis)
        return _train_in(folder, prepared, record, resume=resume, monitor=monitor or SilentMonitor())


def resumed_config(out: str | Path, *, assignments: list[str]) -> RunConfig:
    """The configuration of a run to continue, with changes to its ``training`` section.

    Raises:
        ConfigurationError: a change to anything that the steps already made depend on.
        RunError: there is no run.
    """
    folder = RunFolder(out)
    folder.check("resume")
    changed = configure(below=configure(file=folder.config), assignments=assignments)
    _check_resumable(folder, changed)
    return changed


def _check_resumable(folder: RunFolder, config: RunConfig) -> None:
    """Only settings of the training section may change, and of those none that the checkpoint was made with."""
    earlier = configure(file=folder.config)
    if as_layer(dataclasses.replace(config, training=earlier.training, output=earlier.output)) != as_layer(earlier):
        raise ConfigurationError(
            "--resume continues the run as it was configured: only settings of the training section can change. "
            "Start a new run with --init-from to change anything else."
        )
    for name in ("batch_size", "seed", "ema_decay"):
        found, kept = getattr(config.training, name), getattr(earlier.training, name)
        if found != kept:
            raise ConfigurationError(f"--resume cannot change training.{name}: found {found}, the run has {kept}.")
    if config.training.optimizer.name != earlier.training.optimizer.name:
        raise ConfigurationError(
            f"--resume cannot change the optimiser: found {config.training.optimizer.name}, the run has "
            f"{earlier.training.optimizer.name}."
        )


def _record_to_continue(folder: RunFolder, prepared: Prepared) -> RunRecord:
    record = RunRecord.load(folder.record)
    if record.spec != prepared.clips.spec:
        raise RunError(
            f"The run '{folder.path}' cannot be resumed: its clips were {record.spec}, and are {prepared.clips.spec} "
            "now. Restore the recordings, or start a new run."
        )
    if load_division(folder.splits) != prepared.clips.assignment():
        raise RunError(
            f"The run '{folder.path}' cannot be resumed: its recordings are no longer divided as they were, because "
            "some were added, removed or renamed. Restore them, or start a new run with --init-from."
        )
    _write_config(folder, prepared.config)
    return record


def _train_in(folder: RunFolder, prepared: Prepared, record: RunRecord, *, resume: bool, monitor: Monitor) -> Run:
    config = prepared.config.training
    fabric = build_fabric(config)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    module = TrainingModule(prepared.model, prepared.loss, prepared.clips.normaliser, seed=config.seed)
    sealed = prepared.clips.for_training()
    every = config.pictures_every
    trainer = Trainer(
        module,
        train=sealed.train,
        validation=sealed.validation,
        config=config,
        folder=folder,
        fabric=fabric,
        monitor=monitor,
        pictures=None
        if every is None
        else ValidationPictures(sealed.validation, sealed.normaliser, folder.pictures, every=every),
    )
    # A pass backwards costs twice a pass forwards, and an operation is a product and a sum.
    flops = 6 * record.macs_per_frame * record.spec.horizon * config.batch_size * trainer.total_steps
    # A training goes on as it began, unless it is told otherwise: compiled formulas round differently in the last bits.
    choice = record.compiled if resume and config.compile == "auto" else config.compile
    compiled = choose_compile(choice, fabric.device.type, flops=flops)
    set_recurrence(prepared.model, config.recurrence, fused=compiled)
    notes = [f"Note: {note}" for note in record.notes]
    if module.adversary is not None:
        notes.insert(0, f"discriminators: {module.adversary.parameter_count:,} parameters, in training alone")
    monitor.introduced("\n".join([summary(prepared.model), *notes]))
    if resume:
        trainer.restore()
    precision = str(choose_precision(choose_device(config.device), config.precision))
    record = dataclasses.replace(
        record, device=str(fabric.device), precision=precision, compiled=compiled, status="training"
    )
    record.save(folder.record)
    compiled_before = compile_seconds()
    status: Status = "interrupted"  # whatever else may end the loop, it can be resumed
    try:
        status = trainer.run()
    except TrainingError:
        status = "stopped: loss not finite"
        raise
    finally:
        spent = round(record.compile_seconds + compile_seconds() - compiled_before, 3)
        record = dataclasses.replace(record, compile_seconds=spent)
        _with_progress(record, trainer, status=status).save(folder.record)
    run = Run.open(folder.path)
    return run if status == "interrupted" else examined(run, clips=prepared.clips)


def _first_record(prepared: Prepared, leaks: LeakReport | None) -> RunRecord:
    """What is known before the first step."""
    first = prepared.source.sequences[0].info
    count = parameter_count(prepared.model)
    step = first.step_seconds
    return RunRecord(
        spec=prepared.clips.spec,
        status="training",
        model=prepared.config.model.name,
        parameters=count.total,
        trainable=count.trainable,
        macs_per_frame=macs_per_frame(prepared.model),
        training_clips=len(prepared.clips.train),
        validation_clips=len(prepared.clips.validation),
        dtype=first.dtype,
        units=prepared.clips.train.units,
        step_seconds=None if step is None else step * prepared.config.clips.frame_step,
        caveats=prepared.model.caveats(),
        notes=(*prepared.source.notes, *prepared.clips.notes, *(() if leaks is None else leaks.sentences)),
    )


def _with_progress(record: RunRecord, trainer: Trainer, *, status: Status) -> RunRecord:
    progress = trainer.progress
    return dataclasses.replace(
        record,
        status=status,
        steps=progress.step,
        epochs=trainer.epochs,
        best_epoch=progress.kept_epoch,
        best_loss=progress.kept_loss,
        seconds=progress.seconds,
        waiting_seconds=progress.waiting_seconds,
        versions=installed_versions(),
    )


def _write_before_training(folder: RunFolder, prepared: Prepared, record: RunRecord) -> None:
    """Everything that a resumed, moved or interrupted run needs, before the first step is made."""
    record.save(folder.record)
    _write_config(folder, prepared.config)
    folder.normaliser.write_text(prepared.clips.normaliser.to_json(), encoding="utf-8")
    save_division(folder.splits, prepared.clips)
    added = prepared.clips.train.added
    if added is not None and added.static is not None:
        save_weights({"static": torch.from_numpy(added.static)}, folder.static)
    write_data_page(prepared.source, folder.path)
    save_weights(fit_baselines(prepared.clips.train, prepared.clips.spec), folder.baselines)


def _write_config(folder: RunFolder, config: RunConfig) -> None:
    # A run folder can be moved, so its configuration does not name the place where it was made.
    folder.config.write_text(to_yaml(dataclasses.replace(config, output=OutputConfig())), encoding="utf-8")
