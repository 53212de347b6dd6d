"""Results: the documented, versioned record of an evaluation. Reports and comparisons read nothing else.

Files in the evaluation folder (``FILES``)::

    results.json    this record
    results.csv     the same numbers, one row for each convention, forecaster, metric and lead (0 is "overall")
    clips.npz       statistics of every clip: "convention/forecaster/statistic" -> (N, M) float64; of those that are
                    several numbers a frame, (N, M, K) float32
    clips.csv       where each of those clips comes from: its recording, group, class, day, first frame
    diagrams.npz    what a report draws, summed over all clips (see evaluation/diagrams.py)
    examples.npz    frames of a few chosen clips, native range scaled to [0, 1], float32:
                    "context" (E, K, C, H, W), "truth" (E, M, C, H, W), "forecast/<forecaster>" (E, M, C, H, W);
                    NaN where a value is missing

Readers ignore keys that they do not know; the number under ``schema`` changes only when a key changes its meaning.
"""

from framecast.evaluation.results.files import check_replaceable, load_arrays, load_results, save_results
from framecast.evaluation.results.schema import (
    SCHEMA,
    Cost,
    Difference,
    Example,
    ExampleClip,
    Independence,
    Interval,
    MetricInfo,
    Results,
    Role,
    Scores,
    Verdict,
)

__all__ = [
    "SCHEMA",
    "Cost",
    "Difference",
    "Example",
    "ExampleClip",
    "Independence",
    "Interval",
    "MetricInfo",
    "Results",
    "Role",
    "Scores",
    "Verdict",
    "check_replaceable",
    "load_arrays",
    "load_results",
    "save_results",
]
