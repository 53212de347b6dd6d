"""R2, a deep next-frame ConvLSTM: 19 frames in, each output predicting the frame after it.

What is as published: three ConvLSTM layers of 64 filters with 5x5, 3x3 and 1x1 kernels, ReLU and batch normalisation;
binary cross-entropy (weight 10), VGG16 perceptual (0.1) and gradient difference (0.1, alpha 1); Adam 5e-4 with
gradients clipped at norm 1; the rate x0.2 after 3 flat epochs, down to 1e-6; early stopping after 10 with the best
weights kept; flips, turns and noise that are the same for every frame of a clip; a picture of forecasts every 5 epochs.

What is different:

* The last convolution is causal. One over time with "same" padding sees frame t + 1, the very frame that output t has
  to predict. ``--set model.causal_head=false`` gives the published form, and every result of it then says so.
* The perceptual term needs VGG16's weights (553 MB): give them with ``--vgg16``, or fetch them once with ``framecast
  weights vgg16 --fetch`` and train with the preset. Without ``--vgg16`` this script leaves the term out, and says so.
* The published equations have peepholes, the published code has none. The preset ``r2`` follows the code,
  ``r2-peephole`` the equations.
* The test digits never occur in training, and the model is judged free-running: it lives on its own forecasts for 10
  frames. The published figures, PSNR 25.0 dB and SSIM 0.85, have true frames as input at each step. Set them beside
  the row ``(one-step)`` under the convention ``tf``, which computes both as TensorFlow does.

    python examples/03_r2_next_frame.py --mnist folder/with/mnist --vgg16 vgg16-397923af.pth --out r2
    python examples/03_r2_next_frame.py --out r2-small --small

Without ``--mnist`` the digits are drawn from fonts. From a shell, with MNIST downloaded when it is not in the cache:

    framecast train --preset r2 --out r2/run
    framecast evaluate r2/run --convention tf --convention strict
    framecast report r2/run
"""

import argparse
from pathlib import Path
from typing import Any

import framecast

SMALL: dict[str, Any] = {
    "clips": {"context": 4, "horizon": 4},
    "model": {"filters": [8, 8, 8]},
    "training": {"epochs": 2},
}


def digits(mnist: str | None, *, small: bool) -> dict[str, Any]:
    """The ``source`` section: MNIST digits from a folder, else digits drawn from fonts."""
    counts = {"train_sequences": 16, "validation_sequences": 4, "test_sequences": 8, "num_frames": 8} if small else {}
    if mnist is not None:
        return {"location": "moving-mnist", "folder": mnist, **counts}
    return {"location": "moving-digits", "digits": 2, "canvas": 24 if small else 64, **counts}


def main(
    *, mnist: str | None = None, vgg16: str | None = None, out: str | Path = "r2", small: bool = False
) -> framecast.Results:
    if vgg16 is None:
        print("Trained without the perceptual term: no weights of VGG16 were given.")
    perceptual = False if vgg16 is None else {"weight": 0.1, "weights": vgg16}
    settings = {
        "source": digits(mnist, small=small),
        "loss": {"bce": 10.0, "perceptual": perceptual, "gdl": {"weight": 0.1, "alpha": 1.0}},
        **(SMALL if small else {}),
    }
    config = framecast.configure(preset="r2", settings=settings)
    run = framecast.train(config, out=Path(out) / "run")
    print(f"{run.record.parameters:,} parameters")  # 746,945 at full size, as Keras counts them

    results = framecast.evaluate(run, conventions=["tf", "strict"])
    for name, scores in results.conventions["tf"].items():
        print(f"{name:26}  PSNR {scores.overall['psnr']:6.2f} dB  SSIM {scores.overall['ssim']:.3f}")
        for caveat in scores.caveats:
            print(f"{'':26}  {caveat}")
    print(f"Report: {framecast.report(run)}")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="a folder with the MNIST files")
    parser.add_argument("--vgg16", help="the file of VGG16's weights")
    parser.add_argument("--out", default="r2", help="the folder for everything")
    parser.add_argument("--small", action="store_true", help="a tiny model and few small sequences")
    main(**vars(parser.parse_args()))
