"""Overlap of splits: frames, windows or whole groups that are in two of them; and recordings that have moved since.

Three accounts of who is where are compared with themselves and with each other: the windows that are cut now, the
groups of the recordings that they lie in, and ``splits.json``, which the training wrote.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray

from framecast.clips.clip_sets import ClipSets
from framecast.diagnosis.check import Check, Moment
from framecast.diagnosis.patient import Need, Patient
from framecast.frames.sequence import SPLITS, Split
from framecast.runs.division import Division, load_division, trained_on
from framecast.runs.findings import Finding

_DIVIDE = "Divide anew with clips.split.by=group (or time), and train anew."

Pieces = Mapping[str, NDArray[np.int64]]
"""By name of the sequence: (N, 2) first frame, one past the last; pieces may overlap each other."""


@final
class SplitOverlap(Check):
    """Compares the splits with each other, now and as they were for the training."""

    name = "split-overlap"
    needs: ClassVar[tuple[Need, ...]] = ("clips",)
    short: ClassVar[tuple[Moment, ...]] = ("before",)

    def look(self, patient: Patient) -> Iterable[Finding]:
        """A fault for every pair of splits with common frames, and for each other kind of overlap."""
        yield from self._common_frames({split: _windows(patient.clips, split) for split in SPLITS}, "clips are cut")
        yield from self._groups(patient.clips)
        if patient.run is None or not patient.run.folder.splits.is_file():
            return
        then, now = load_division(patient.run.folder.splits), patient.clips.assignment()
        yield from self._common_frames({split: _pieces(then, split) for split in SPLITS}, "splits.json says")
        yield from self._renamed(then, now)
        for split in ("validation", "test"):
            moved = trained_on(then, now, split)
            if moved:
                yield self.fault(
                    f"Recordings of the {split} split are recordings that the run was trained on.",
                    evidence=f"{len(moved)} of {len({name for name, *_ in now[split]})} sequences, first '{moved[0]}', "
                    "by splits.json and the recordings as they are divided now.",
                    mend="Restore the recordings that were added, removed or renamed since; or evaluate on ones that "
                    "training never saw: framecast evaluate RUN --source NEW --split all.",
                )

    def _common_frames(self, splits: Mapping[Split, Pieces], says: str) -> Iterable[Finding]:
        for one, other in combinations(SPLITS, 2):
            both = [name for name in splits[one] if name in splits[other]]
            common = {name: n for name in both if (n := _common(splits[one][name], splits[other][name]))}
            if common:
                total = sum(int(_covered(pieces).sum()) for pieces in splits[other].values())
                yield self.fault(
                    f"The {one} and {other} splits share frames.",
                    evidence=f"{sum(common.values())} of {total} {other} frames, in {len(common)} sequences, first "
                    f"'{next(iter(common))}', as {says}.",
                    mend=_DIVIDE,
                )

    def _renamed(self, then: Division, now: Division) -> Iterable[Finding]:
        """Recordings of the test that the training did not know by this name, while some that it used are gone."""
        known, there = ({name for split in SPLITS for name, *_ in division[split]} for division in (then, now))
        used = {name for split in ("train", "validation") for name, *_ in then[split]}
        gone, unknown = sorted(used - there), sorted({name for name, *_ in now["test"]} - known)
        if gone and unknown:
            yield self.warning(
                "The test holds recordings that the training did not know, and some that it used are gone: if they "
                "were renamed, the test is what the run was trained on.",
                evidence=f"{len(unknown)} unknown, first '{unknown[0]}'; {len(gone)} gone, first '{gone[0]}', by "
                "splits.json and the recordings as they are divided now.",
                mend="Give recordings their names back, or train anew.",
            )

    def _groups(self, clips: ClipSets) -> Iterable[Finding]:
        if clips.splits.method == "time":
            return  # parts of one recording are then meant to be in all of them, the past before the future
        sequences = clips.train.source.sequences
        owners: dict[str, set[Split]] = {}
        for split in SPLITS:
            for piece in clips.splits.segments[split]:
                owners.setdefault(sequences[piece.sequence].info.group, set()).add(split)
        divided = sorted(group for group, found in owners.items() if len(found) > 1)
        if divided:
            yield self.warning(
                "Groups (people, videos, days) are divided between splits: the test resembles the training.",
                evidence=f"{len(divided)} of {len(owners)} groups, first '{divided[0]}' in "
                f"{' and '.join(sorted(owners[divided[0]], key=SPLITS.index))}.",
                mend="Set clips.split.by=group and train anew.",
            )


def _windows(clips: ClipSets, split: Split) -> Pieces:
    """Where the clips of a split lie."""
    chosen = clips.of(split)
    span = (chosen.context + chosen.horizon - 1) * chosen.frame_step + 1
    order = np.argsort(chosen.windows.sequence, kind="stable")
    places, firsts = np.unique(chosen.windows.sequence[order], return_index=True)
    starts = np.split(chosen.windows.start[order], firsts[1:])
    names = [chosen.source.sequences[place].info.name for place in places.tolist()]
    return {name: np.stack([start, start + span], axis=1) for name, start in zip(names, starts, strict=False)}


def _pieces(division: Division, split: Split) -> Pieces:
    found: dict[str, list[tuple[int, int]]] = {}
    for name, start, stop in division[split]:
        found.setdefault(name, []).append((start, stop))
    return {name: np.array(pieces, dtype=np.int64) for name, pieces in found.items()}


def _covered(pieces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(T,) which frames of a sequence lie in one of the pieces."""
    edges = np.zeros(int(pieces[:, 1].max()) + 1, dtype=np.int64)
    np.add.at(edges, pieces[:, 0], 1)
    np.add.at(edges, pieces[:, 1], -1)
    return np.cumsum(edges)[:-1] > 0


def _common(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    """Frames that are in both."""
    first, second = _covered(one), _covered(other)
    length = min(len(first), len(second))
    return int((first[:length] & second[:length]).sum())
