"""The program ``framecast``: its commands, and what becomes of errors.

Heavy imports happen inside the commands, so that ``framecast --help`` answers at once. Exit codes: 0 done, 2 a mistake
of the user's or a disk that refuses (one sentence, no traceback), 3 the doctor found a fault, 130 interrupted, 1
whoever read the output left before its end. A defect of ours keeps its traceback.
"""

import io
import os
import sys

from cyclopts import App, CycloptsError, Group

from framecast.cli.audit import audit
from framecast.cli.compare import compare
from framecast.cli.demo import demo
from framecast.cli.doctor import doctor
from framecast.cli.evaluate import evaluate
from framecast.cli.inspect import inspect
from framecast.cli.list import list_choices
from framecast.cli.predict import predict
from framecast.cli.prepare import prepare
from framecast.cli.report import report
from framecast.cli.terminal import INTERRUPTED, show_mistake
from framecast.cli.train import train
from framecast.cli.weights import weights
from framecast.frames.errors import FramecastError
from framecast.version import __version__

MISTAKE = 2
OUTPUT_CUT_OFF = 1

app = App(
    name="framecast",
    help="Forecast the next frames of anything filmed, scanned or measured on a grid through time.",
    version=__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
app["--help"].group = app["--version"].group = Group("Help", sort_key=99)
for command in (demo, inspect, prepare, train, evaluate, predict, report, compare, doctor, audit):
    app.command(command, sort_key=len(app.resolved_commands()))
app.command(list_choices, name="list", sort_key=len(app.resolved_commands()))
app.command(weights, sort_key=len(app.resolved_commands()))
app["train"].usage = "Usage: framecast train [SOURCE] --out RUN [OPTIONS]"
app["compare"].usage = "Usage: framecast compare RUN RUN ... [OPTIONS]"
app["doctor"].usage = "Usage: framecast doctor RUN|SOURCE [OPTIONS]"
app["audit"].usage = "Usage: framecast audit [NAME] [OPTIONS]"
app["list"].usage = "Usage: framecast list [KIND] [OPTIONS]"
app["weights"].usage = "Usage: framecast weights [NAME] [OPTIONS]"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with an exit code.

    Args:
        arguments: words after the program's name; None takes the process's own.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without arrows and dashes shows question marks instead
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except (CycloptsError, FramecastError) as error:
        show_mistake(str(error))
        code = MISTAKE
    except BrokenPipeError:
        # What is still buffered has nowhere to go; without this Python would complain about it while leaving.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = OUTPUT_CUT_OFF
    except FileNotFoundError:
        raise  # files that a user names are looked for first, so this one is a defect of ours
    except OSError as error:
        if error.strerror is None:
            raise
        show_mistake(f"{error.strerror}." if error.filename is None else f"'{error.filename}': {error.strerror}.")
        code = MISTAKE
    except KeyboardInterrupt as stop:
        show_mistake(f"interrupted: {stop}." if str(stop) else "interrupted.")
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)
