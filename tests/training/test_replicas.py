"""Two replicas train like one device on the same batch: weights, Gumbel, statistics, logs."""

import contextlib
import functools

import numpy as np
import pytest
import tensorflow as tf

import teachers
from rnascl_tf.data import Examples, evaluation_batches, training_batches
from rnascl_tf.layers import frozen_statistics, hard_swish
from rnascl_tf.networks import build_student, student_taps
from rnascl_tf.robustness import ThreatModel
from rnascl_tf.training import (
    ClassifierModel,
    CoupledSGD,
    Plan,
    Stream,
    StudentModel,
    fit,
    hardening_of,
)
from rnascl_tf.training.adversarial import training_attack
from rnascl_tf.training.moving_statistics import SEMANTICS, batch_norms, moments, moving_statistics
from tests.training.conftest import ARCHITECTURE, ATTENTION_SIZE, CLASSES, ONE_BLOCK, SHAPE

STEPS = 5
STUDENT = ARCHITECTURE | {"space": ONE_BLOCK.name, "filters": [[4]]}
# Two parts of 10, each split 8 and 2.
BATCH, PART, WEIGHT_ROWS = 20, 10, 8
# Float32 sums in another order; what differs by more is another computation.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def examples():
    generator = np.random.default_rng(1)
    return Examples(
        generator.integers(0, 256, (STEPS * BATCH, *SHAPE)).astype("uint8"),
        generator.integers(0, CLASSES, STEPS * BATCH).astype("int32"),
    )


def batches(examples):
    def stream(first_epoch, first_step):
        return training_batches(
            examples, batch_size=BATCH, seed=3, first_epoch=first_epoch, first_step=first_step
        )

    return stream


def state(model):
    variables = [*model.variables, *model.optimizer.variables]
    if hasattr(model, "architecture_optimizer"):
        variables += model.architecture_optimizer.variables
    return {f"{i} {variable.path}": variable.value for i, variable in enumerate(variables)}


def assert_same_state(ours, theirs):
    ours, theirs = state(ours), state(theirs)
    for (name, value), other in zip(ours.items(), theirs.values(), strict=True):
        np.testing.assert_allclose(value.numpy(), other.numpy(), err_msg=name, **TOLERANCE)


def assert_replicas_agree(model, two_replicas):
    for name, value in state(model).items():
        first, second = two_replicas.experimental_local_results(value)
        np.testing.assert_array_equal(first.numpy(), second.numpy(), err_msg=name)


def classifier():
    return teachers.resnet(CLASSES, SHAPE, widths=(5,), blocks=(1,), seed=1)


def hardening(attack, **settings):
    settings |= {"attack": attack, "attack_steps": 2, "attack_step_size": 0.5, "beta": 3.0}
    return hardening_of(settings, ThreatModel(0.05), seed=0)


def adversarial(signals, attack="pgd"):
    model = ClassifierModel(classifier(), hardening(attack, weight_average=0.5))
    model.compile(CoupledSGD(0.05, 0.9, 1e-4))
    return model


def trades_adversarial(signals):
    return adversarial(signals, "trades")


def distilled(signals):
    student = build_student(STUDENT, momentum=0.9, seed=1)
    layers = signals.teacher_layers
    names = list(student_taps(student).output["taps"])
    tutors = {name: layers[i % len(layers)] for i, name in enumerate(names)}
    model = StudentModel(student, signals, tutors, attention_size=ATTENTION_SIZE, gamma=17.0)
    model.compile(CoupledSGD(0.05, 0.9, 1e-4))
    return model


def attacked_student(signals):
    student = build_student(STUDENT, momentum=0.9, seed=1)
    # From N(0, 0.01) it would predict nearly the same of all images, whichever replica sees them.
    student.layers[-1].kernel.assign(100.0 * student.layers[-1].kernel)
    averaged = {"weight_average": 0.5, "self_distillation": 0.5}
    model = StudentModel(student, hardening=hardening("n_fgsm", **averaged))
    model.own_part.assign(0.5)
    model.compile(CoupledSGD(0.05, 0.9, 1e-4))
    return model


@pytest.mark.parametrize("build", [adversarial, trades_adversarial, distilled, attacked_student])
def test_a_synchronized_training_is_that_of_one_device(
    build, signals, two_replicas, examples, tmp_path, monkeypatch, known_space
):
    # As where features are large.
    monkeypatch.setattr(hard_swish, "ONE_PASS_FROM", 0)
    # At TRADES' own 0.001 the divergence is 1e-6, and the sign of its float32 gradient is chance.
    monkeypatch.setattr(training_attack, "TRADES_START_STD", 0.05)
    trained, histories = [], []
    for scope in (contextlib.nullcontext(), two_replicas.scope()):
        folder = tmp_path / str(len(trained))
        folder.mkdir()
        with scope:
            model = build(signals)
            # The attack on a student steps by signs of gradients near zero: after some steps
            # rounding alone makes other images.
            steps = 1 if build is attacked_student else STEPS
            plan = Plan(
                stage="train",
                section="train",
                epochs=1,
                folder=folder,
                stream=Stream(batches(examples), steps),
                # A last batch of another size would begin its attack elsewhere.
                validation=evaluation_batches(examples.evenly_spaced(BATCH), BATCH),
                batch_norm="synchronized",
            )
            history = fit(model, plan)
        trained.append(model)
        histories += history
    assert_replicas_agree(trained[1], two_replicas)
    assert_same_state(*trained)
    for name in histories[0].keys() - {"seconds"}:
        assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-5, abs=1e-5), name
    # The semantics is the training's, not the network's: it is not saved.
    assert not any(layer.synchronized for layer in batch_norms(trained[1]))


def reordered(batch):
    """Puts the rows that the replicas train weights on in front of those for the architecture."""
    parts = [np.arange(replica * PART, (replica + 1) * PART) for replica in range(2)]
    order = [part[:WEIGHT_ROWS] for part in parts] + [part[WEIGHT_ROWS:] for part in parts]
    return tf.nest.map_structure(lambda v: tf.gather(v, np.concatenate(order)), batch)


def validation(examples):
    # 23 in batches of 20: the first replica gets 10 and then 2, the second one 10 and 1.
    return evaluation_batches(examples.evenly_spaced(23), BATCH)


@pytest.fixture(scope="module")
def new_model(new_search_model):
    return functools.partial(new_search_model, space=ONE_BLOCK)


@pytest.fixture(scope="module")
def searches(new_model, two_replicas, examples, tmp_path_factory):
    """Returns {semantics: (search model, its one epoch's means)}, each trained by two replicas."""
    found = {}
    for semantics in SEMANTICS:
        with two_replicas.scope():
            model = new_model()
            plan = Plan(
                stage="search",
                section="search",
                epochs=1,
                folder=tmp_path_factory.mktemp(semantics),
                stream=Stream(batches(examples), STEPS),
                validation=validation(examples),
                batch_norm=semantics,
            )
            history = fit(model, plan)
        assert_replicas_agree(model, two_replicas)
        found[semantics] = model, history[0]
    return found


def test_a_synchronized_search_is_that_of_one_device(new_model, searches, examples):
    shared, history = searches["synchronized"]
    alone = new_model()
    step = tf.function(alone.train_step, autograph=False)
    for batch in batches(examples)(0, 0).take(STEPS):
        logs = step(reordered(batch))
    assert_same_state(alone, shared)
    measured = alone.evaluate(validation(examples), verbose=0, return_dict=True)
    logs |= {f"val_{name}": value for name, value in measured.items()}
    assert logs.keys() == history.keys() - {"epoch", "seconds"}
    for name, value in logs.items():
        assert float(value) == pytest.approx(history[name], rel=1e-5, abs=1e-5), name


def test_an_attacked_search_is_that_of_one_device(new_model, two_replicas, examples):
    with two_replicas.scope():
        shared = new_model(hardening=hardening("n_fgsm"))
    (batch,) = batches(examples)(0, 0).take(1)
    parts = two_replicas.experimental_distribute_dataset(batches(examples)(0, 0))
    with moments(shared, "synchronized"):
        shared.make_train_function()(iter(parts))
    assert_replicas_agree(shared, two_replicas)
    alone = new_model(hardening=hardening("n_fgsm"))
    # Attacked in the order of the replicas, which deal out the random starts of the whole batch.
    attacked = tf.function(alone.attacked, autograph=False)(batch)
    alone.attacked = lambda batch: batch
    tf.function(alone.train_step, autograph=False)(reordered(attacked))
    assert_same_state(alone, shared)


def averaged_update(model, optimizer, variables, parts):
    """One step by the mean of the parts' gradients, each part forwarded from the same state."""
    before = [tf.identity(v) for v in moving_statistics(model)]
    seeds = [v.value for v in model.variables if "seed" in v.path]
    seeds_before = [tf.identity(v) for v in seeds]
    gradients, statistics = [], []
    for part in parts:
        for variable, value in zip(
            [*moving_statistics(model), *seeds], [*before, *seeds_before], strict=True
        ):
            variable.assign(value)
        with tf.GradientTape() as tape:
            terms, _, _ = model.loss_terms(part, model.signals(part))
        gradients.append(tape.gradient(terms.loss, [v.value for v in variables]))
        statistics.append([tf.identity(v) for v in moving_statistics(model)])
    for variable, *values in zip(moving_statistics(model), *statistics, strict=True):
        variable.assign(sum(values) / len(values))
    optimizer.apply([sum(of_parts) / 2 for of_parts in zip(*gradients, strict=True)], variables)


def test_per_replica_each_part_is_normalised_by_itself(new_model, searches, examples):
    shared, _ = searches["per_replica"]
    alone = new_model()
    for batch in batches(examples)(0, 0).take(STEPS):
        parts = [
            tf.nest.map_structure(lambda v, r=r: v[r * PART : (r + 1) * PART], batch)
            for r in range(2)
        ]
        weight_parts = [tf.nest.map_structure(lambda v: v[:WEIGHT_ROWS], part) for part in parts]
        other_parts = [tf.nest.map_structure(lambda v: v[WEIGHT_ROWS:], part) for part in parts]
        averaged_update(alone, alone.optimizer, alone.weight_variables, weight_parts)
        with frozen_statistics():
            averaged_update(
                alone, alone.architecture_optimizer, alone.architecture_variables, other_parts
            )
    assert_same_state(alone, shared)


def test_the_two_semantics_differ(searches):
    found = [
        np.concatenate([v.numpy().ravel() for v in moving_statistics(model)])
        for model, _ in searches.values()
    ]
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_masks_agree_on_all_replicas(new_model, two_replicas, batch):
    with two_replicas.scope():
        model = new_model()

        @tf.function(autograph=False)
        def gates():
            return two_replicas.run(lambda: model(batch["image"], training=True)["gates"])

        for _ in range(2):
            for gate in tf.nest.flatten(gates()):
                first, second = two_replicas.experimental_local_results(gate)
                np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_moments_are_put_back_also_by_an_error(new_model):
    model = new_model()
    layers = batch_norms(model)
    assert layers

    def train():
        with moments(model, "synchronized"):
            assert all(layer.synchronized for layer in layers)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        train()
    assert not any(layer.synchronized for layer in layers)
