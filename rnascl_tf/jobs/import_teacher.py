"""An ONNX classifier to a proven Keras teacher.

Writes into the folder `out`: `teacher.onnx` (one file, normalisation inside), `teacher.keras` and
`teacher.json`, whose keys are those of `_description`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import teachers
from rnascl_tf import data, report, robustness, stages
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.files import require_file, save_model, writable_folder, write_bytes, write_json
from rnascl_tf.jobs.data_of_request import check_dataset, load_dataset
from rnascl_tf.jobs.import_request import ImportRequest
from rnascl_tf.record import git_commit, timestamp, versions

ATTACKS = ("clean", "pgd20")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportedTeacher:
    """A teacher that has passed the comparison with its ONNX file.

    Attributes:
        teacher: with its normalisation inside.
        name: of the file that was given.
        source_sha256: of the file that was given, with its external weights.
        verification: how far each tap is from the given file's.
        images_from: where the images of the comparison came from.
        results: {attack: result} on the data set's test images; None without a data set.
    """

    teacher: teachers.Teacher
    name: str
    source_sha256: str
    verification: teachers.Verification
    images_from: str
    results: Mapping[str, robustness.AttackResult] | None


def import_teacher(request: ImportRequest) -> ImportedTeacher:
    """Converts an ONNX classifier, proves every tapped layer, and measures it if there is a data set.

    Raises:
        UserError: the request cannot be carried out, or the file is refused.
    """
    folder = _checked(request)
    threat_model = robustness.ThreatModel(robustness.parse_epsilon(request.epsilon))
    dataset = _dataset(request)
    expected = {"taps": request.taps} | _sizes(request, dataset)
    given = teachers.load_onnx(request.onnx, request.mean, request.std, **expected)
    images, images_from = _images(request, dataset, given)
    # Refused as it came, before the written copy is made: the copy must then agree with it too.
    verification = given.compare(images)
    print_whole(report.proof_table(given, verification, images_from))
    verification.require(given.name)
    content = teachers.normalized_onnx(request.onnx, request.mean, request.std)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "teacher.json").unlink(missing_ok=True)  # it must not describe half-written files
    write_bytes(folder / "teacher.onnx", content)
    name, source_sha256, teacher = given.name, given.sha256, given
    if hashlib.sha256(content).hexdigest() != source_sha256:
        wanted = given.signals(images).logits.numpy()
        del given, teacher, content  # weights and onnxruntime's session are not held twice
        teacher = teachers.load_onnx(folder / "teacher.onnx", **expected)
        teacher.verify(images)
        _require_same(name, wanted, teacher.signals(images).logits.numpy())
    save_model(teacher.classifier, folder / "teacher.keras")
    results = None
    if dataset is not None:
        results = _measured(request, teacher, dataset, threat_model)
        _print_accuracy(results, threat_model, dataset)
    imported = ImportedTeacher(
        teacher=teacher,
        name=name,
        source_sha256=source_sha256,
        verification=verification,
        images_from=images_from,
        results=results,
    )
    write_json(folder / "teacher.json", _description(request, imported))
    if dataset is None:
        console.print("Its accuracy was not measured: give --dataset and --data_dir for that.")
    taps = f" --config.teacher.taps='{request.taps}'" if request.taps != "main" else ""
    console.print(
        f"Teacher: {folder}\nUse it: rnascl run --config=RECIPE --workdir=DIR "
        f"--config.teacher.onnx={folder / 'teacher.onnx'}{taps}",
        soft_wrap=True,
        markup=False,
    )
    return imported


def _checked(request: ImportRequest) -> Path:
    """Returns the folder to write to; refuses what can be refused without TensorFlow."""
    folder = writable_folder("out", request.out)
    if (folder / "teacher.json").exists() and not request.overwrite:
        raise teachers.TeacherError(
            f"--out={folder} holds an imported teacher; give another folder, or --overwrite."
        )
    require_file(request.onnx, "an ONNX file", "--onnx=")
    if request.dataset is not None:
        check_dataset(request.dataset, request.data_dir)
    elif request.data_dir is not None:
        raise teachers.TeacherError(f"--data_dir={request.data_dir} needs --dataset=NAME with it.")
    teachers.read_onnx(request.onnx)
    return folder


def _dataset(request: ImportRequest) -> data.DataSet | None:
    if request.dataset is None:
        return None
    dataset = load_dataset(request.dataset, request.data_dir, request.image_size)
    if request.examples > len(dataset.test):
        raise teachers.TeacherError(
            f"--examples={request.examples}, but {dataset.name} has {len(dataset.test)} test images "
            f"here: give at most {len(dataset.test)}."
        )
    return dataset


def _sizes(request: ImportRequest, dataset: data.DataSet | None) -> dict[str, Any]:
    if dataset is not None:
        return {"num_classes": dataset.num_classes, "input_shape": dataset.input_shape}
    if request.image_size is not None:
        return {"input_shape": (request.image_size, request.image_size, 3)}
    return {}


def _images(
    request: ImportRequest, dataset: data.DataSet | None, teacher: teachers.Teacher
) -> tuple[np.ndarray, str]:
    """Returns the images of the proof, and where they come from."""
    if dataset is None:
        from rnascl_tf.data.photographs import photograph_crops  # imports TensorFlow

        height, width, channels = teacher.input_shape
        crops = photograph_crops(
            request.verify_examples, height, width, channels, seed=request.seed
        )
        return crops, "crops of scikit-learn's two photographs"
    count = min(request.verify_examples, len(dataset.train))
    return dataset.train.evenly_spaced(count).as_float(), f"{dataset.name}, training images"


def _require_same(name: str, wanted: np.ndarray, found: np.ndarray) -> None:
    """Compares the written copy's logits with those of the file as it came."""
    error = float(abs(wanted - found).max() / abs(wanted).max())
    if not error <= teachers.TOLERANCE:
        raise teachers.TeacherError(
            f"{name} with its normalisation inside differs by {error:.2g} relative; "
            "normalise inside the network before you export it, and leave --mean and --std out."
        )


def _description(request: ImportRequest, imported: ImportedTeacher) -> dict[str, Any]:
    """Returns what `teacher.json` says; "epsilon" and "robustness" only if they are measured.

    `sha256` is of `teacher.onnx`; `verification.errors` hold max |Keras - onnxruntime| / max
    |onnxruntime| of each tap.
    """
    teacher, verification = imported.teacher, dataclasses.asdict(imported.verification)
    description = {
        "file": "teacher.onnx",
        "source": Path(request.onnx).name,
        "name": imported.name,
        "source_sha256": imported.source_sha256,
        "sha256": teacher.sha256,
        "mean": request.mean,
        "std": request.std,
        "num_classes": teacher.num_classes,
        "input_shape": list(teacher.input_shape),
        "params": teacher.classifier.count_params(),
        "n_t": len(teacher.tap_names),
        "taps": list(teacher.tap_names),
        "taps_asked": request.taps,
        "verification": verification | {"images_from": imported.images_from},
        "seed": request.seed,
        "versions": versions(),
        "git_commit": git_commit(),
        "made_at": timestamp(),
    }
    if imported.results is not None:
        description["epsilon"] = request.epsilon
        description["robustness"] = {
            attack: result.to_json() for attack, result in imported.results.items()
        }
    return description


def _measured(
    request: ImportRequest,
    teacher: teachers.Teacher,
    dataset: data.DataSet,
    threat_model: robustness.ThreatModel,
) -> dict[str, robustness.AttackResult]:
    examples = dataset.test.evenly_spaced(request.examples)
    with progress(teacher.name) as on_batch:
        measured = robustness.evaluate(
            teacher.classifier,
            examples.as_float(),
            examples.labels,
            threat_model,
            ATTACKS,
            batch_size=min(request.batch_size, request.examples),
            seed=request.seed,
            on_batch=on_batch,
        )
    return {
        attack: robustness.AttackResult.from_json(values) for attack, values in measured.items()
    }


def _print_accuracy(
    results: Mapping[str, robustness.AttackResult],
    threat_model: robustness.ThreatModel,
    dataset: data.DataSet,
) -> None:
    threat = report.threat_title(threat_model.norm, threat_model.epsilon)
    for attack, result in results.items():
        at = "" if attack == "clean" else f" at {threat}"
        console.print(f"{attack}{at}: {result.accuracy} % (n = {result.accuracy.n})", markup=False)
    if stages.near_chance(results["clean"].accuracy, dataset.num_classes):
        console.print(
            f"Clean accuracy is near chance: {stages.NEAR_CHANCE_REASONS}.", soft_wrap=True
        )
