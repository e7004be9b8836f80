"""Search stage: supernet and tutors by eq. 1 and eq. 2; writes `DIR/search/architecture.json`."""

import dataclasses

import numpy as np

from rnascl_tf.data import evaluation_batches
from rnascl_tf.networks import build_supernet, chosen_filters, describe, write_architecture
from rnascl_tf.objectives import ExpectedMacs
from rnascl_tf.stages.batches import training_stream
from rnascl_tf.training import (
    LiveSignals,
    SearchModel,
    TemperatureAnnealing,
    architecture_optimizer,
    batch_norm_momentum,
    fit,
    weight_optimizer,
)


def run(run):
    """Searches, and writes what was found."""
    settings, dataset = run.config.search, run.dataset
    stream, steps_per_epoch = training_stream(run)
    model = search_model(run, LiveSignals(run.teacher), steps_per_epoch)
    folder = run.folder("search")
    run.record["history"]["search"] = fit(
        model,
        stream,
        evaluation_batches(dataset.validation, run.config.data.batch_size),
        epochs=settings.epochs,
        steps_per_epoch=steps_per_epoch,
        folder=folder,
        stage="search",
        section="search",
        callbacks=[TemperatureAnnealing(settings.epochs)],
    )
    architecture = describe(
        run.space,
        chosen_filters(model.supernet, run.space),
        chosen_tutors(model),
        dataset.num_classes,
        dataset.input_shape,
        run.config.seed,
    )
    write_architecture(architecture, folder / "architecture.json")
    run.record["architecture"] = dataclasses.asdict(architecture)


def search_model(run, signals, steps_per_epoch):
    """Returns the compiled search model of a config."""
    settings, dataset = run.config.search, run.dataset
    supernet = build_supernet(
        run.space,
        dataset.num_classes,
        dataset.input_shape,
        momentum=batch_norm_momentum(settings, steps_per_epoch),
        noise=settings.noise,
        seed=run.config.seed,
    )
    model = SearchModel(
        supernet,
        signals,
        ExpectedMacs(run.space, dataset.num_classes, dataset.input_shape),
        attention_size=settings.attention_size,
        gamma=settings.gamma,
        noise=settings.noise,
        seed=run.config.seed * 1000 + 999,  # behind the supernet's, one for each block
    )
    model.compile(
        weight_optimizer(settings, steps_per_epoch),
        architecture_optimizer(settings.architecture_learning_rate),
    )
    return model


def chosen_tutors(model):
    """Returns j* = argmax_j of every student layer, with its probability, for architecture.json."""
    probabilities = np.asarray(model.tutors.probabilities())
    return [
        {
            "student": student,
            "teacher": model.signals.teacher_layers[int(row.argmax())],
            "probability": float(row.max()),
        }
        for student, row in zip(model.student_layers, probabilities, strict=True)
    ]
