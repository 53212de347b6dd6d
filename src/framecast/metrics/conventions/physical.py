"""``physical``: errors of measured fields in the units that they were measured in.

Forecasts are compared as they would be written to a file of the recording's own type: rounded and limited to the type
where that is an integer, else as they are, also beyond the range of the training. A transform of the normaliser has
been undone, and what its quantity cannot be (rain below the floor) is 0.
"""

from framecast.metrics.absolute_error import MeanAbsoluteError
from framecast.metrics.bias import Bias
from framecast.metrics.conventions.convention import Convention
from framecast.metrics.squared_error import MeanSquaredError, RootMeanSquaredError

PHYSICAL = Convention(
    name="physical",
    summary="Errors in the recording's own units (mm/h, K, dBZ), of forecasts as they would be written to a file.",
    source="defined by its notes",
    space="native",
    metrics=(MeanSquaredError(), MeanAbsoluteError(), RootMeanSquaredError(), Bias()),
    notes=(
        "Values are those of the recording, in its units: no range is scaled or clipped.",
        "Forecasts count as they would be written to a file of the recording's type; below the floor of a dbz "
        "transform that is 0.",
        "mse, mae and bias are means per pixel, rmse is the root of mse; missing pixels do not count.",
    ),
)
