"""Attacks any classifier file: its accuracy under each attack, and whether gradients look masked.

Writes into the folder `out`: `robustness.json` (see `report.robustbench`), `outcomes.npz` (per image,
see `robustness.outcomes`), and with a sweep `sweep.csv` and `sweep.png`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import logging

from rnascl_tf import data, model_files, report, robustness
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.files import writable_folder, write_json
from rnascl_tf.jobs.attack_feasibility import (
    check_combination,
    possible_attacks,
    why_no_verdict,
)
from rnascl_tf.jobs.attack_request import (
    EXAMPLES,
    MASKING_EXAMPLES,
    AttackReport,
    AttackRequest,
    AttackRequestError,
)
from rnascl_tf.jobs.data_of_request import check_dataset, load_dataset
from rnascl_tf.record import describe_environment
from rnascl_tf.robustness.attacks.registry import CLEAN, known_attacks

if TYPE_CHECKING:
    from rnascl_tf.robustness.masking.verdict import Verdict
    from rnascl_tf.runtime.devices import Devices


@dataclasses.dataclass(frozen=True)
class _Target:
    """What is attacked, loaded: the model, a teacher if one is given, images, and where."""

    request: AttackRequest
    threat_model: robustness.ThreatModel
    dataset: data.DataSet
    examples: data.LabelledImages
    devices: Devices
    model: model_files.ModelFile
    teacher: model_files.ModelFile | None

    @property
    def out(self) -> Path:
        return Path(self.request.out)

    @property
    def model_id(self) -> str:
        # Files of outcomes from earlier commands hold it in this form.
        return f"{self.model.sha256} mean {self.request.mean} std {self.request.std}"

    @property
    def settings(self) -> dict[str, Any]:
        """What every measurement takes."""
        return {
            "batch_size": self.request.batch_size,
            "seed": self.request.seed,
            "strategy": self.devices.strategy,
        }


def attack_file(request: AttackRequest) -> AttackReport:
    """Attacks a classifier; prints and writes its accuracy under each attack.

    Raises:
        UserError: the request cannot be carried out; nothing was attacked.
    """
    threat_model = robustness.ThreatModel(
        robustness.parse_epsilon(request.epsilon),
        request.norm,
        space=request.space,
        std=request.space_std,
    )
    known_attacks(request.attacks, request.attack_budget)
    out = writable_folder("out", request.out)
    paths = [path for path in (request.model, request.teacher) if path is not None]
    for path in paths:
        model_files.kind_of(path)
    check_dataset(request.dataset, request.data_dir)
    for path in paths:
        model_files.refuse_other_content(path)
    from rnascl_tf.robustness.guard import check_norms  # imports TensorFlow

    check_norms(request.attacks, request.attack_budget, threat_model)
    target = _loaded(request, threat_model)
    masking_examples = request.masking_examples
    if masking_examples is None:
        masking_examples = min(MASKING_EXAMPLES, len(target.examples))
    no_verdict = why_no_verdict(masking_examples, target.model.kind, threat_model)
    teacher_kind = None if target.teacher is None else target.teacher.kind
    check_combination(request, target.model.kind, teacher_kind, no_verdict)
    if request.overwrite:
        for kept in (out / "outcomes.npz", *out.glob("masking_*.npz"), *out.glob("sweep_*.npz")):
            kept.unlink(missing_ok=True)
    results = _attacked(target, no_verdict)
    title = f"{target.model.path.name} on {target.dataset.name}, {request.norm} {request.epsilon}"
    print_whole(report.attack_table(results, f"{title}, {request.space} space"))
    record = functools.partial(
        report.robustbench_record,
        target.model,
        target.dataset.name,
        threat_model,
        request.epsilon,
        results,
        describe_environment(),
    )
    # Written now too: hours of attacks should survive whatever happens in the verdict.
    write_json(out / "robustness.json", record())
    verdict = None
    if no_verdict:
        console.print(f"No verdict on masked gradients: {no_verdict}.", soft_wrap=True)
    else:
        verdict = _verdict(target, masking_examples)
        print_whole(report.masking_table(verdict.as_record(), target.model.path.name))
        write_json(out / "robustness.json", record(verdict, target.teacher))
    if request.sweep:
        _sweep(target)
    console.print(f"Written to {out}", soft_wrap=True, markup=False)
    return AttackReport(results, verdict)


def _loaded(request: AttackRequest, threat_model: robustness.ThreatModel) -> _Target:
    from rnascl_tf.runtime.devices import choose_devices  # imports TensorFlow

    dataset = load_dataset(
        request.dataset, request.data_dir, request.image_size, request.resized_crop
    )
    examples = dataset.test.evenly_spaced(_count(request, dataset))
    devices = choose_devices(request.strategy, request.logical_cpus)
    load = functools.partial(
        model_files.load_model_file,
        num_classes=dataset.num_classes,
        input_shape=dataset.input_shape,
    )
    teacher = None
    with devices.scope():
        model = load(request.model, mean=request.mean, std=request.std)
        if request.teacher is not None:
            teacher = load(request.teacher)
    return _Target(request, threat_model, dataset, examples, devices, model, teacher)


def _count(request: AttackRequest, dataset: data.DataSet) -> int:
    available = len(dataset.test)
    if request.examples is None:
        return min(EXAMPLES, available)
    if not 1 <= request.examples <= available:
        raise AttackRequestError(
            f"--examples={request.examples}, but {dataset.name} has {available} test images here: "
            f"give 1 to {available}."
        )
    return request.examples


def _attacked(target: _Target, no_verdict: str | None) -> Mapping[str, robustness.AttackResult]:
    """Returns what each attack left; clean accuracy always, for the others mean nothing alone."""
    request, model = target.request, target.model
    with progress(model.path.name) as on_batch:
        attacker = robustness.Attacker(
            model.model,
            target.examples.as_float(),
            target.examples.labels,
            target.threat_model,
            on_batch=on_batch,
            state=target.out / "outcomes.npz",
            model_id=target.model_id,
            classes=target.dataset.num_classes,
            **target.settings,
        )
        for name in request.attacks:
            if name != CLEAN:
                attacker.check(robustness.attack_named(name, request.attack_budget))
        attacks = possible_attacks(request, attacker, model, no_verdict)
        folded = attacker.folded_batch_norms
        console.print(
            f"{model.path.name}: {model.kind}, {attacker.classes} classes, "
            f"{len(attacker.images)} images on {target.devices.replicas} device(s); "
            f"{folded or 'no'} batch norms folded into convolutions.",
            soft_wrap=True,
            markup=False,
        )
        target.out.mkdir(parents=True, exist_ok=True)
        results = {}
        for name in dict.fromkeys([CLEAN, *attacks]):
            results[name] = robustness.run_attack(attacker, name, request.attack_budget)
            if name == CLEAN:
                _warn_of_chance(results[name].accuracy, attacker.classes)
    return results


def _warn_of_chance(clean: robustness.Accuracy, classes: int) -> None:
    if robustness.like_chance(clean, classes):
        logging.warning(
            "clean accuracy %s %% (n = %d) is what guessing among %d classes may reach: is it the "
            "data set that the model was trained for? Does it want images in [0, 1], or --mean and "
            "--std?",
            clean,
            clean.n,
            classes,
        )


def _verdict(target: _Target, masking_examples: int) -> Verdict:
    count = min(masking_examples, len(target.dataset.test))
    examples = target.dataset.test.evenly_spaced(count)
    with progress("masking") as on_batch:
        return robustness.masking_verdict(
            robustness.MaskingMeasurements(
                target.model.model,
                examples.as_float(),
                examples.labels,
                target.threat_model,
                teacher=None if target.teacher is None else target.teacher.model,
                examples=count,
                on_batch=on_batch,
                state=target.out / "masking",
                model_id=target.model_id,
                **target.settings,
            )
        )


def _sweep(target: _Target) -> None:
    """Writes accuracy over epsilons of the model, and of the teacher if one is given."""
    from rnascl_tf.robustness.epsilon_sweep import sweep  # imports TensorFlow

    models = {target.model.path.stem: target.model.model}
    model_ids = {target.model.path.stem: target.model_id}
    if target.teacher is not None:
        name = f"teacher {target.teacher.path.stem}"
        models[name], model_ids[name] = target.teacher.model, target.teacher.sha256
    with progress("sweep") as on_batch:
        curves = sweep(
            models,
            target.examples.as_float(),
            target.examples.labels,
            target.threat_model,
            on_batch=on_batch,
            state=target.out / "sweep",
            model_ids=model_ids,
            **target.settings,
        )
    curves.write_csv(target.out / "sweep.csv")
    report.save_sweep(curves, target.out / "sweep.png")
