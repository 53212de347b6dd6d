"""The table of models. A new model is one file beside this one, and one line here."""

from framecast.frames.table import Entry, Table

MODELS = Table(
    "model",
    {
        "convlstm": Entry(
            "framecast.models.convlstm:ConvLSTM", "Encoder–forecaster ConvLSTM with peepholes (Shi et al. 2015)."
        ),
        "convlstm_autoregressive": Entry(
            "framecast.models.convlstm_autoregressive:AutoregressiveConvLSTM",
            "Frame-to-frame ConvLSTM, each forecast fed back as the next input (OpenSTL's and PredRNN's ConvLSTM).",
        ),
        "convlstm_stack": Entry(
            "framecast.models.convlstm_stack:ConvLSTMStack",
            "Stacked ConvLSTM layers with batch normalisation and a Conv3D head (the Keras tutorials).",
        ),
    },
)
