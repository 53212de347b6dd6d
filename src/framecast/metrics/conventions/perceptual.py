"""``perceptual``: how forecasts look to networks that were trained on photographs and films.

Squared errors reward blur. These distances do not: LPIPS compares single frames, FVD whole films as a set. Their
weights are not part of framecast; ``framecast weights`` says which are there and fetches them.
"""

from framecast.metrics.conventions.convention import Convention
from framecast.metrics.fvd import FrechetVideoDistance
from framecast.metrics.lpips import LearnedPerceptualSimilarity
from framecast.metrics.preparation import clip_forecast

PERCEPTUAL = Convention(
    name="perceptual",
    summary="How forecasts look to networks: LPIPS of AlexNet and VGG16, Fréchet video distance. Needs weights.",
    source="Zhang et al. 2018 (LPIPS 0.1); Unterthiner et al. 2018 with the I3D of StyleGAN-V (FVD)",
    prepare=clip_forecast,
    metrics=(
        LearnedPerceptualSimilarity(),
        LearnedPerceptualSimilarity(name="lpips_vgg", summary="Learned perceptual distance (LPIPS), VGG16.", net="vgg"),
        FrechetVideoDistance(),
    ),
    notes=(
        "All are of forecasts clipped to [0, 1]; grey frames are shown as grey photographs.",
        "lpips is the mean of per-frame values, frames scaled to [-1, 1]; missing pixels are 0 in forecast and truth.",
        "fvd compares the forecast frames of all clips, without their context, with the true ones, as two sets; it "
        "falls with the number of clips and needs 10 frames or more.",
        "The networks know photographs and films of people: on other recordings their opinion is a guess.",
    ),
)
