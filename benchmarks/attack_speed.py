"""PGD-20 on S3, 512 images at 8/255: ours, cleverhans and torchattacks as their READMEs call it.

cleverhans: the Keras model itself, no bounds, no random start, the model's predictions as labels.
torchattacks: the same weights in PyTorch, on the same cores. All three measure a robust accuracy, so
each time includes the forward pass that decides it. Ours skips images that are misclassified already;
with `--only_correct` there are no such images.
"""

import argparse
import functools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

import rnascl_tf  # noqa: F401  registers the layers that the network's file names
from benchmarks.ratio import measure, once
from rnascl_tf.console import console
from rnascl_tf.data import load_dataset
from rnascl_tf.robustness import ThreatModel, evaluate

try:
    # First: the module sets how PyTorch's threads wait for each other.
    from benchmarks.pytorch_student import from_keras  # isort: skip
    import torch
    import torchattacks
except ImportError as error:
    torch = None
    MISSING = error.name

ROOT = Path(__file__).resolve().parents[1]
NETWORK = ROOT / "tests" / "robustness" / "networks" / "student_trades.keras"
DATA_DIR = ROOT.parent / "shared" / "data" / "tensorflow_datasets"
# Each of the three is faster with batches of 64 than of 128.
IMAGES, BATCH = 512, 64
EPSILON, STEP, STEPS = 8 / 255, 2 / 255, 20
ROUNDS = 4
POINTS = 0.3


def run(data_dir=DATA_DIR, only_correct=False):
    """Returns the list of this file's ratios.

    Args:
        data_dir: folder with a prepared CIFAR-10; without one, noise images are used.
        only_correct: whether to attack only images that the network classifies correctly.
    """
    model = keras.models.load_model(NETWORK)
    images, labels = _examples(model, Path(data_dir), only_correct)
    ours = functools.partial(_ours, model, images, labels, "pgd20")
    cleverhans = functools.partial(_cleverhans, model, images, labels)
    # Without a start both are deterministic, and only then must they agree.
    bounds = {"clip_min": 0.0, "clip_max": 1.0}
    without_start = (
        _ours(model, images, labels, "bim"),
        _cleverhans(model, images, labels, true_labels=True, **bounds),
    )
    accuracies = {
        "ours, from the image": without_start[0],
        "cleverhans, from the image, true labels, bounds": without_start[1],
        "ours, random start": ours(),
        "cleverhans as in its README": cleverhans(),
    }
    difference = 100 * abs(without_start[0] - without_start[1])
    ratios = [
        measure(
            "pgd20_cleverhans",
            ours,
            [cleverhans],
            baseline="cleverhans' PGD-20 as in its README",
            target=1 / 1.5,
            rounds=ROUNDS,
        ),
        once(
            "pgd20_cleverhans_accuracy",
            difference / POINTS,
            baseline=f"{POINTS} points between its robust accuracy and ours, both without a start",
        ),
    ]
    if torch is None:
        console.print(f"{MISSING} is not installed: no comparison with torchattacks.")
    else:
        theirs = functools.partial(_torchattacks, from_keras(model), images, labels)
        accuracies["torchattacks, random start"] = theirs()
        ratios.append(
            measure(
                "pgd20_torchattacks",
                ours,
                [theirs],
                baseline="torchattacks' PGD-20 on the same weights in PyTorch",
                target=1.0,
                rounds=ROUNDS,
            )
        )
    for name, accuracy in accuracies.items():
        console.print(
            f"PGD-20 on {len(images)} images, {name}: {accuracy:.2%} robust", soft_wrap=True
        )
    return ratios


def _examples(model, data_dir, only_correct):
    if (data_dir / "cifar10").is_dir():
        test = load_dataset("cifar10", data_dir=str(data_dir), train_examples=1).test
        examples = test.evenly_spaced(2 * IMAGES if only_correct else IMAGES)
        images, labels = examples.as_float(), examples.labels.astype(np.int64)
        if only_correct:
            correct = model.predict(images, verbose=0).argmax(axis=1) == labels
            images, labels = images[correct][:IMAGES], labels[correct][:IMAGES]
        return images, labels
    console.print(f"No CIFAR-10 in {data_dir}: uniform noise, labelled as the network sees it.")
    images = np.random.default_rng(0).random((IMAGES, 32, 32, 3), np.float32)
    return images, model.predict(images, verbose=0).argmax(axis=1)


def _ours(model, images, labels, attack):
    results = evaluate(model, images, labels, ThreatModel(EPSILON), [attack], batch_size=BATCH)
    return results[attack]["accuracy"]


def _cleverhans(model, images, labels, true_labels=False, **bounds):
    def robust(some_images, some_labels):
        adversarial = projected_gradient_descent(
            model,
            tf.constant(some_images),
            EPSILON,
            STEP,
            STEPS,
            np.inf,
            y=some_labels if true_labels else None,
            **bounds,
        )
        return np.argmax(model(adversarial), axis=1) == some_labels

    return _accuracy(robust, images, labels)


def _torchattacks(student, images, labels):
    attack = torchattacks.PGD(student, eps=EPSILON, alpha=STEP, steps=STEPS)

    def robust(some_images, some_labels):
        pixels = torch.tensor(some_images.transpose(0, 3, 1, 2).copy())
        adversarial = attack(pixels, torch.tensor(some_labels))
        with torch.no_grad():
            return student(adversarial).numpy().argmax(axis=1) == some_labels

    return _accuracy(robust, images, labels)


def _accuracy(robust, images, labels):
    """The share of images that are robust, batch by batch."""
    parts = [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]
    return float(np.concatenate([robust(images[part], labels[part]) for part in parts]).mean())


def main():
    """Runs only this benchmark and prints its ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default=DATA_DIR, help="folder with a prepared CIFAR-10")
    parser.add_argument(
        "--only_correct", action="store_true", help="attack only correctly classified images"
    )
    asked = parser.parse_args()
    for ratio in run(asked.data_dir, asked.only_correct):
        console.print(
            f"{ratio.name}: {ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) of "
            f"{ratio.baseline}; target {ratio.target:.2f}",
            soft_wrap=True,
        )


if __name__ == "__main__":
    main()
