"""The table of checks. A new check is one file beside this one, and one line here."""

from framecast.frames.table import Entry, Table

CHECKS = Table(
    "check",
    {
        "sees-the-future": Entry(
            "framecast.diagnosis.future:SeesTheFuture", "Later frames are replaced: no earlier output may change."
        ),
        "target-at-test-time": Entry(
            "framecast.diagnosis.target:TargetAtTestTime", "The target is replaced: no forecast may change."
        ),
        "independent-clips": Entry(
            "framecast.diagnosis.independence:Independence", "A clip of a batch is replaced: no other may change."
        ),
        "split-overlap": Entry(
            "framecast.diagnosis.overlap:SplitOverlap", "Frames, windows or groups that are in two splits."
        ),
        "leaks": Entry("framecast.diagnosis.leaks:Leaks", "Test frames in the training under another name."),
        "validation-is-test": Entry(
            "framecast.diagnosis.leaks:ValidationIsTest", "Weights that were chosen by the clips of the test."
        ),
        "fitted-on-test": Entry(
            "framecast.diagnosis.fitted_on_test:FittedOnTest", "A normaliser or climatology that knows the test."
        ),
        "value-range": Entry(
            "framecast.diagnosis.value_range:ValueRange", "Values beyond the declared range, or in a small part of it."
        ),
        "repeated-frames": Entry(
            "framecast.diagnosis.repeats:RepeatedFrames", "Frames that equal the one before them."
        ),
        "recordings": Entry(
            "framecast.diagnosis.recordings:Recordings", "Missing values, standing pictures, gaps, too few recordings."
        ),
        "dead-parameters": Entry(
            "framecast.diagnosis.dead:Dead", "Parameters that no output depends on, or no gradient reaches."
        ),
        "outputs": Entry("framecast.diagnosis.outputs:Outputs", "Forecasts that are NaN, one value, or saturated."),
        "collapse": Entry(
            "framecast.diagnosis.collapse:Collapse", "Forecasts that copy the last frame, or are always the same."
        ),
        "teacher-forcing": Entry(
            "framecast.diagnosis.teacher_forcing:TeacherForcing", "True frames as input until the end of the training."
        ),
        "horizon": Entry("framecast.diagnosis.horizon:Horizon", "More leads, or fewer, than were trained."),
        "training-log": Entry(
            "framecast.diagnosis.training_log:TrainingLog", "A loss that never fell, rises, or is still falling."
        ),
        "evaluation": Entry(
            "framecast.diagnosis.evaluated:Evaluated", "Results of other weights, of few recordings, or incomplete."
        ),
    },
)
