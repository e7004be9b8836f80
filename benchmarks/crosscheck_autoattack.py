"""Our AutoAttack suite against torchattacks' on one network and the same images, attack by attack.

The Keras student becomes a PyTorch module with the same weights. Each attack runs separately and not in
the cascade, so that each is compared; torchattacks runs with AutoAttack's standard settings (100 steps,
not its default 10). Random numbers differ, so single images may differ; robust accuracies should be
within a point.
"""

import dataclasses
import sys
import time
from pathlib import Path

import keras
import numpy as np

import rnascl_tf  # noqa: F401  registers the layers that the network's file names
from benchmarks.crosscheck_record import begun, comparison, facts, outcome, table
from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags
from rnascl_tf.console import print_whole, progress
from rnascl_tf.data import load_dataset
from rnascl_tf.files import write_json
from rnascl_tf.robustness import RobustnessError, ThreatModel, attack_named, attack_outcomes

try:
    # First: the module sets how PyTorch's threads wait for each other.
    from benchmarks.pytorch_student import from_keras  # isort: skip
    import torch
    import torchattacks
except ImportError as error:
    torch, MISSING = None, error.name

NETWORK = "tests/robustness/networks/student_trades.keras"
EPSILONS = {"linf": 8 / 255, "l2": 0.5}
REFERENCES = {
    "apgd-ce": ("APGD", {"loss": "ce"}),
    "apgd-t": ("APGDT", {"n_classes": 10}),
    "fab-t": ("FAB", {"multi_targeted": True, "n_classes": 10}),
    "square": ("Square", {}),
}
USAGE = """
Run AutoAttack's four attacks, ours and torchattacks', on a committed CIFAR-10 student.

usage: python -m benchmarks.crosscheck_autoattack --data_dir=FOLDER --out=FILE.json
           [--examples=500] [--norms=linf,l2] [--attacks=apgd-ce,apgd-t,fab-t,square]

FOLDER holds a prepared cifar10. Needs PyTorch and torchattacks (pip install torch;
pip install --no-deps torchattacks==3.5.1). A stopped command continues when you give it again:
each attack is in FILE.json as soon as it is done. You can add norms and attacks later.
"""


def main(arguments=None):
    """Runs the command; returns its exit code."""
    return command_line.run(
        _command,
        sys.argv[1:] if arguments is None else arguments,
        command_line.CONTINUES,
    )


def _flags():
    command = CommandFlags(USAGE)
    command.text("data_dir", "Folder with cifar10.", needed="DATA")
    command.text("out", "The record, a JSON file.", needed="FILE.json")
    command.names("norms", "Which, in order.", tuple(EPSILONS))
    command.names("attacks", "Which, in order.", tuple(REFERENCES))
    command.whole("examples", "Test images, evenly spaced.", 500, 1)
    command.whole("steps", "Steps of APGD and FAB; the standard is 100.", 100, 1)
    command.whole("queries", "Queries of Square; the standard is 5000.", 5000, 1)
    command.whole("batch_size", "Images attacked at once, by both.", 100, 1)
    command.whole("seed", "Seed of both.", 0, 0)
    return command


def _command(arguments):
    asked = _flags().parse(arguments)
    if asked is None:
        return
    _check(asked)
    network = Path(__file__).resolve().parents[1] / NETWORK
    model = keras.models.load_model(network)
    dataset = load_dataset("cifar10", data_dir=asked.data_dir, train_examples=1)
    examples = dataset.test.evenly_spaced(asked.examples)
    images, labels = examples.as_float(), examples.labels.astype(np.int64)
    student = from_keras(model)
    record = begun(asked.out, _facts(asked, network, model, student, images))
    for norm in asked.norms:
        for name in asked.attacks:
            entry = record["attacks"].setdefault(f"{norm}/{name}", {})
            for side, run, tested in (("ours", _ours, model), ("theirs", _theirs, student)):
                if side in entry:
                    continue
                threat_model = ThreatModel(EPSILONS[norm], norm)
                with progress(f"{side}, {norm}") as on_batch:
                    entry[side] = run(asked, name, tested, images, labels, threat_model, on_batch)
                if entry.keys() >= {"ours", "theirs"}:
                    entry |= comparison(entry["ours"], entry["theirs"])
                write_json(asked.out, record)
    print_whole(table(record))


def _facts(asked, network, model, student, images):
    wanted = model.predict(images, verbose=0)
    with torch.no_grad():
        found = student(_pixels(images)).numpy()
    settings = {name: asked[name].value for name in ("steps", "queries", "batch_size", "seed")}
    return facts(
        network,
        images,
        {"dataset": "cifar10 test, evenly spaced", "epsilons": EPSILONS, **settings},
        params=sum(weights.numel() for weights in student.parameters()),
        relative_logit_difference=float(abs(found - wanted).max() / abs(wanted).max()),
        torch_threads=torch.get_num_threads(),
    )


def _check(asked):
    for name, known in (("norms", EPSILONS), ("attacks", REFERENCES)):
        for value in getattr(asked, name):
            if value not in known:
                raise RobustnessError(
                    f"--{name}: {value!r} is unknown; give some of {', '.join(known)}."
                )
    if torch is None:
        raise RobustnessError(f"{MISSING} is not installed; pip install torch torchattacks.")
    # Without this a missing data set would be downloaded.
    if not (Path(asked.data_dir) / "cifar10").is_dir():
        raise RobustnessError(
            f"--data_dir={asked.data_dir} has no folder cifar10; give the folder that "
            "tensorflow-datasets has filled."
        )


def _ours(asked, name, model, images, labels, threat_model, on_batch):
    attack = {member.name: member for member in attack_named("autoattack").members}[name]
    steps = asked.queries if name == "square" else asked.steps
    attack = dataclasses.replace(attack, steps=steps)
    settings = {"batch_size": asked.batch_size, "seed": asked.seed, "on_batch": on_batch}
    started = time.perf_counter()
    standing = attack_outcomes(model, images, labels, threat_model, attack, **settings)
    return outcome(standing, time.perf_counter() - started, attack.definition())


def _theirs(asked, name, student, images, labels, threat_model, on_batch):
    class_name, settings = REFERENCES[name]
    steps = {"n_queries": asked.queries} if name == "square" else {"steps": asked.steps}
    attack = getattr(torchattacks, class_name)(
        student,
        norm={"linf": "Linf", "l2": "L2"}[threat_model.norm],
        eps=threat_model.epsilon,
        n_restarts=1,
        seed=asked.seed,
        **steps,
        **settings,
    )
    started = time.perf_counter()
    standing, distance = np.zeros(len(images), bool), 0.0
    for begin in range(0, len(images), asked.batch_size):
        part = slice(begin, begin + asked.batch_size)
        adversarial = attack(_pixels(images[part]), torch.tensor(labels[part])).detach()
        with torch.no_grad():
            standing[part] = student(adversarial).numpy().argmax(axis=1) == labels[part]
        changed = adversarial.numpy().transpose(0, 2, 3, 1)
        distance = max(distance, threat_model.distances(changed, images[part]).max())
        on_batch(name, min(part.stop, len(images)), len(images))
    both = outcome(standing, time.perf_counter() - started, repr(attack))
    return both | {"largest_distance": float(distance)}


def _pixels(images):
    """Returns NHWC images as PyTorch has them."""
    return torch.tensor(images.transpose(0, 3, 1, 2).copy())


if __name__ == "__main__":
    sys.exit(main())
