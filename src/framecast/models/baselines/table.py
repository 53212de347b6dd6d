"""The table of baselines. A new baseline is one file beside this one, and one line here."""

from framecast.frames.table import Entry, Table

BASELINES = Table(
    "baseline",
    {
        "persistence": Entry(
            "framecast.models.baselines.persistence:Persistence", "The last context frame, for every lead."
        ),
        "mean": Entry("framecast.models.baselines.mean:Mean", "The mean of the context frames, for every lead."),
        "climatology": Entry(
            "framecast.models.baselines.climatology:Climatology", "The per-pixel mean of the training clips."
        ),
        "linear": Entry(
            "framecast.models.baselines.linear:Linear", "The per-pixel least-squares trend of the context, clipped."
        ),
        "flow": Entry("framecast.models.baselines.flow:Flow", "The last context frame, carried along by optical flow."),
        "flow-damped": Entry(
            "framecast.models.baselines.flow_damped:FlowDamped",
            "A fitted mixture, lead by lead, of flow, blurred flow, mean and climatology.",
        ),
        "pysteps-extrapolation": Entry(
            "framecast.models.baselines.pysteps_extrapolation:PystepsExtrapolation",
            "Rain: carried along by sparse Lucas-Kanade motion, by pysteps.",
        ),
        "sprog": Entry(
            "framecast.models.baselines.sprog:SProg", "Rain: carried along, small scales fading first, by pysteps."
        ),
        "steps": Entry(
            "framecast.models.baselines.steps:Steps", "Rain: an ensemble of 20, by pysteps; slow, only by name."
        ),
    },
)
