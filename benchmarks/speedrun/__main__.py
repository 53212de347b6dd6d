"""``python -m benchmarks.speedrun``: train on Moving MNIST against the clock, in pieces, and score the result.

Call it again with the same ``--out`` until it says that the training is finished; the call that finishes it, or the
next one with ``--train-only``, evaluates on 10,000 test sequences and writes the result.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speedrun.clock import Clock, process_age

_RESULTS = Path(__file__).parents[1] / "results"


def main(words: Sequence[str] | None = None) -> int:
    """Run one piece; 0 when the result is written, 3 when there is more to train, 2 after a mistake."""
    begun, age = time.perf_counter(), process_age()
    said = _parser().parse_args(words)
    # From here on the heavy imports, which are on the clock.
    from benchmarks.speedrun.report import summary_of, write_report
    from benchmarks.speedrun.run import clock_file, is_done, judge, run_folder, start_or_continue, train_piece
    from benchmarks.speedrun.settings import SETTINGS
    from framecast.frames.errors import FramecastError
    from framecast.runs.record import RunRecord

    if said.list:
        for one in SETTINGS.values():
            print(f"{one.name:24}{one.summary}")
        return 0
    out: Path = said.out
    try:
        record, config = start_or_continue(out, asked=_asked(said), device=said.device)
        if not is_done(out):
            clock = Clock(record, clock_file(out), begun=begun, age=age)
            run = train_piece(out, config, clock, piece_minutes=said.piece_minutes)
            print(f"{run.record.status} at step {run.record.steps}; {record.seconds:.0f} s on the clock", flush=True)
        if not is_done(out):
            print("To go on, say the same again.")
            return 3
        if said.train_only:
            print("To evaluate, say the same again without --train-only.")
            return 0
        results = judge(out, device=said.device)
        summary = summary_of(record, RunRecord.load(run_folder(out).record), results)
        # What is meant for no mark is not kept beside what is.
        kept = out if record.settings["mark"] is None else _RESULTS / summary["folder"]
        written = write_report(said.results or kept, summary)
    except FramecastError as error:
        print(f"speedrun: {error}", file=sys.stderr)
        return 2
    print(f"MSE {summary['test']['openstl']['mse']:.2f} after {record.seconds:.0f} s")
    print(*written, sep="\n")
    return 0


def _asked(said: argparse.Namespace) -> dict[str, Any]:
    """What the call says about the training."""
    model = "quick" if said.quick else said.model
    asked = {"model": model, "steps": said.steps, "batch_size": said.batch_size, "lr": said.lr}
    asked |= {"set": said.set, "data": said.data}
    return {name: value for name, value in asked.items() if value not in (None, [])}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speedrun", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/speedrun"), help="folder of the run and its clock")
    parser.add_argument("--model", help="named settings (see --list)")
    parser.add_argument("--list", action="store_true", help="show the named settings")
    parser.add_argument("--quick", action="store_true", help="a few steps of a tiny network, to see that it works")
    parser.add_argument("--steps", type=int, help="optimiser steps of the whole training")
    parser.add_argument("--batch-size", type=int, help="sequences a step")
    parser.add_argument("--lr", type=float, help="highest learning rate")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting of the training")
    parser.add_argument("--data", help="folder with MNIST's files; without it the cache, or a download")
    parser.add_argument("--piece-minutes", type=float, default=9.0, help="how long one call may take (default 9)")
    parser.add_argument("--train-only", action="store_true", help="leave the evaluation to a later call")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute")
    parser.add_argument(
        "--results", type=Path, help="where the result goes (default benchmarks/results/MACHINE; with --quick, --out)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
