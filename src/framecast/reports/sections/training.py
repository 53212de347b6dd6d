"""Training: what was done, the loss over the epochs, and each of its terms."""

from dataclasses import dataclass
from typing import final

from framecast.reports import formatting
from framecast.reports.load import ReportData
from framecast.reports.loss_curves import best_row, loss_curves, loss_terms
from framecast.reports.markup import Picture, picture


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingView:
    """The section."""

    facts: list[tuple[str, str]]
    loss: Picture | None
    terms: list[Picture]


def training_view(data: ReportData) -> TrainingView | None:
    """Make the section; None where nothing is known of the training."""
    record = data.record
    best_epoch = record.best_epoch if record else None
    drawn = loss_curves(data.log, best_epoch=best_epoch)
    if record is None and drawn is None:
        return None
    facts: list[tuple[str, str]] = []
    if record is not None:
        facts = [
            ("Status", record.status),
            (
                "Clips",
                f"{formatting.count(record.training_clips)}, validation {formatting.count(record.validation_clips)}",
            ),
            ("Epochs", formatting.count(record.epochs)),
            ("Steps", formatting.count(record.steps)),
            ("Time", formatting.duration(record.seconds)),
            ("Device", f"{record.device}, precision {record.precision}"),
        ]
        if record.best_epoch is not None:
            best = f"epoch {record.best_epoch}, loss {formatting.number(record.best_loss)}"
            facts.append(("Weights of", best))
    best = best_row(data.log, best_epoch)
    spoken = f"best validation loss {formatting.number(best['val_loss'])} in epoch {best['epoch']:g}" if best else ""
    return TrainingView(
        facts=facts,
        loss=None if drawn is None else picture(drawn, alt=f"Training and validation loss over the epochs; {spoken}."),
        terms=[
            picture(chart, alt=f"The term {name} of the loss in training and validation over the epochs.")
            for name, chart in loss_terms(data.log).items()
        ],
    )
