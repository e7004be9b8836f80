"""Teacher stage: take an ONNX classifier, or train a small native one, and prove what it is worth.

Writes `DIR/teacher/`: the teacher itself (`teacher.onnx` or `teacher.keras`) and `teacher.json`.
"""

import dataclasses
import json

from absl import logging

import teachers
from rnascl_tf.atomic import save_model, write_bytes, write_json
from rnascl_tf.data import evaluation_batches
from rnascl_tf.report import progress
from rnascl_tf.robustness import evaluate
from rnascl_tf.stages.batches import training_stream
from rnascl_tf.training import AdversarialModel, batch_norm_momentum, fit, weight_optimizer
from rnascl_tf.training.adversarial_model import TradesAdversarialModel
from teachers import TeacherError

ATTACKS = ("clean", "pgd20")
TRAININGS = ("pgd", "trades")
"""Values of `teacher.adversarial`: how the native network is trained."""


def run(run):
    """Accepts or trains the teacher, verifies it on real images, and measures it under PGD."""
    settings = run.config.teacher
    if settings.onnx:
        # Refused before anything is written, so that another file can be given.
        teacher = load_onnx(run, settings.onnx)
        verification = _verify(run, teacher)
        file = _copy_onnx(run)
    else:
        file = _train_native(run)
        teacher = _load(run, file)
        verification = _verify(run, teacher)
    description = {
        "file": file,
        "name": teacher.name,
        "source": settings.onnx
        or f"native network, {settings.adversarial.upper()} adversarial training",
        "sha256": teacher.sha256,
        "n_t": len(teacher.tap_names),
        "taps": list(teacher.tap_names),
        "verification": dataclasses.asdict(verification),
        "robustness": _measure(run, teacher),
    }
    write_json(run.folder("teacher") / "teacher.json", description)
    run.record["teacher"] = description
    run.record["robustness"]["teacher"] = description["robustness"]


def load(run):
    """Returns the `Teacher` that the stage has accepted."""
    path = run.need("teacher", "teacher.json")
    try:
        description = json.loads(path.read_text())
        name, digest = description["file"], description.get("sha256")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TeacherError(f"{path} is damaged: start the teacher stage again.") from error
    if name not in ("teacher.onnx", "teacher.keras"):
        raise TeacherError(f"{path} names {name!r}, not a file of the teacher stage.")
    given = run.config.teacher.onnx
    if name == "teacher.onnx" and not path.with_name(name).exists() and given:
        # Published runs come without their teachers, which have owners and licences of their own.
        teacher = load_onnx(run, given)
        if teacher.sha256 == digest:
            logging.info(
                "teacher: %s is not there; %s is the same file", path.with_name(name), given
            )
            return teacher
    return _load(run, name)


def native_classifier(run, steps_per_epoch):
    """Returns the untrained native network of the config."""
    settings, dataset = run.config.teacher, run.dataset
    return teachers.resnet(
        dataset.num_classes,
        dataset.input_shape,
        widths=tuple(settings.widths),
        blocks=tuple(settings.blocks),
        mean=dataset.mean,
        std=dataset.std,
        stem_stride=settings.stem_stride,
        batch_norm_momentum=batch_norm_momentum(settings, steps_per_epoch),
        seed=run.config.seed,
    )


def adversarial_model(run, classifier, steps_per_epoch):
    """Returns the compiled model of the native teacher's training, by PGD or TRADES."""
    settings = run.config.teacher
    options = {
        "attack_steps": settings.attack_steps,
        "attack_step_size": settings.attack_step_size,
        "seed": run.config.seed,
    }
    if settings.adversarial == "trades":
        model = TradesAdversarialModel(classifier, run.threat_model, beta=settings.beta, **options)
    else:
        model = AdversarialModel(classifier, run.threat_model, **options)
    model.compile(weight_optimizer(settings, steps_per_epoch))
    return model


def load_onnx(run, path):
    """Returns the config's ONNX teacher from a path, checked against the data set."""
    settings = run.config.teacher
    return teachers.load_onnx(
        path,
        mean=tuple(settings.mean) or None,
        std=tuple(settings.std) or None,
        **_expectations(run),
    )


def _verify(run, teacher):
    """Compares every tap and the logits with the reference on real training images."""
    train = run.dataset.train
    examples = train.evenly_spaced(min(run.config.teacher.verify_examples, len(train)))
    return teacher.verify(examples.as_float())


def _measure(run, teacher):
    examples = run.dataset.test.evenly_spaced(run.config.teacher.evaluate_examples)
    with progress("teacher") as on_batch:
        return evaluate(
            teacher.classifier,
            examples.as_float(),
            examples.labels,
            run.threat_model,
            ATTACKS,
            batch_size=run.config.evaluate.batch_size,
            seed=run.config.seed,
            on_batch=on_batch,
        )


def _copy_onnx(run):
    """Copies the ONNX file into the run, so that the run stays whole without it."""
    # Read first: the file may lie in the very folder that is started again.
    content = teachers.self_contained_onnx(run.config.teacher.onnx)
    write_bytes(run.folder("teacher") / "teacher.onnx", content)
    return "teacher.onnx"


def _train_native(run):
    stream, steps_per_epoch = training_stream(run)
    classifier = native_classifier(run, steps_per_epoch)
    model = adversarial_model(run, classifier, steps_per_epoch)
    folder = run.folder("teacher")
    run.record["history"]["teacher"] = fit(
        model,
        stream,
        evaluation_batches(run.dataset.validation, run.config.data.batch_size),
        epochs=run.config.teacher.epochs,
        steps_per_epoch=steps_per_epoch,
        folder=folder,
        stage="teacher",
        section="teacher",
    )
    save_model(classifier, folder / "teacher.keras")
    return "teacher.keras"


def _load(run, name):
    path = run.need("teacher", name)
    if path.suffix == ".onnx":
        return load_onnx(run, path)
    return teachers.load_keras(path, **_expectations(run))


def _expectations(run):
    return {
        "attention_size": run.config.search.attention_size,
        "num_classes": run.dataset.num_classes,
        "input_shape": run.dataset.input_shape,
    }
