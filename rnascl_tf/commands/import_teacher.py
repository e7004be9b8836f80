"""The command `rnascl import-teacher`: an ONNX classifier to a proven Keras teacher.

Writes `DIR/teacher.onnx` (one file, normalisation inside), `teacher.keras` and `teacher.json`, whose
keys are those of `teacher_description`.
"""

import dataclasses
import datetime
import hashlib
from pathlib import Path

import rich.box
import rich.table

import teachers
from rnascl_tf import command_line
from rnascl_tf.command_line import CommandFlags, writable_folder
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.data import DATASETS, DataError, load_dataset
from rnascl_tf.data.photographs import photograph_crops
from rnascl_tf.files import save_model, write_bytes, write_json
from rnascl_tf.record import git_commit, versions
from rnascl_tf.robustness import Accuracy, ThreatModel, evaluate, parse_epsilon
from rnascl_tf.stages.teacher import NEAR_CHANCE_REASONS, near_chance
from teachers import TeacherError

USAGE = f"""
Import an ONNX image classifier as a teacher: convert it to Keras, prove every layer, measure it.

usage: rnascl import-teacher --onnx=FILE --out=DIR [--mean=A,B,C --std=A,B,C]
           [--dataset=NAME [--data_dir=FOLDER]] [--taps=main|all|REGEX]

  rnascl import-teacher --onnx=robust.onnx --out=teachers/robust --dataset=cifar10
  rnascl import-teacher --onnx=robust.onnx --out=teachers/robust \\
      --mean=0.4914,0.4822,0.4465 --std=0.2471,0.2435,0.2616

Every tapped convolution and the logits are compared with onnxruntime on real images; a relative error
over {teachers.TOLERANCE} is refused. With --dataset ({", ".join(DATASETS)}) clean and
PGD-20 accuracy follow. --mean and --std, per channel in [0, 1], are for a file that expects
normalised images; they are moved into the written teacher.onnx.

exit code: 0 done, 2 wrong input or a refused file (one line says why), 130 interrupted.
"""

ATTACKS = ("clean", "pgd20")


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, "interrupted; run the same command again.")


def _flags():
    command = CommandFlags(USAGE)
    command.text("onnx", "The ONNX file.", needed="FILE.onnx")
    command.text("out", "Folder to write to.", needed="teachers/NAME")
    command.text(
        "taps", "Convolutions to tap: main (no projection shortcuts), all, or a regex.", "main"
    )
    command.text(
        "dataset", "Data set for proof and accuracy; without it: photographs, no accuracy."
    )
    command.text("data_dir", "Folder of the data set's prepared data.")
    command.text("epsilon", "Epsilon of PGD-20, L-inf, in pixel units of [0, 1].", "8/255")
    command.numbers("mean", "Per-channel mean of a file that wants normalised images.")
    command.numbers("std", "Per-channel standard deviation, likewise.")
    command.whole(
        "image_size", "Side of the images, where the file or the data set leaves it free.", None, 1
    )
    command.whole("verify_examples", "Real images on which layers are compared.", 16, 1)
    command.whole("examples", "Test images for clean and PGD-20 accuracy.", 500, 1)
    command.whole("batch_size", "Images attacked at once.", 100, 1)
    command.whole("seed", "Seed of PGD's random starts and of the photographs' crops.", 0, 0)
    command.switch("overwrite", "Replace what --out holds.")
    return command


def _command(arguments):
    asked = _flags().parse(arguments)
    if asked is None:
        return
    folder = _folder(asked)
    threat_model = ThreatModel(parse_epsilon(asked.epsilon))
    mean, std = asked.mean, asked.std
    dataset = _dataset(asked)
    expected = {"taps": asked.taps} | _sizes(asked, dataset)
    given = teachers.load_onnx(asked.onnx, mean, std, **expected)
    images, images_from = _images(asked, dataset, given)
    # Refused as it came, before the written copy is made: the copy must then agree with it too.
    verification = given.compare(images)
    print_whole(_layers_table(given, verification, images_from))
    verification.require(given.name)
    content = teachers.normalized_onnx(asked.onnx, mean, std)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "teacher.json").unlink(missing_ok=True)  # it must not describe half-written files
    write_bytes(folder / "teacher.onnx", content)
    source = {"name": given.name, "source_sha256": given.sha256}
    teacher = given
    if hashlib.sha256(content).hexdigest() != given.sha256:
        wanted = given.signals(images).logits
        del given, teacher, content  # weights and onnxruntime session are not held twice
        teacher = teachers.load_onnx(folder / "teacher.onnx", **expected)
        teacher.verify(images)
        _require_same(source["name"], wanted, teacher.signals(images).logits)
    save_model(teacher.classifier, folder / "teacher.keras")
    description = teacher_description(asked, source, teacher, verification, images_from)
    if dataset is not None:
        description["epsilon"] = asked.epsilon
        description["robustness"] = _measure(asked, teacher, dataset, threat_model)
        _print_accuracy(description["robustness"], threat_model, dataset)
    write_json(folder / "teacher.json", description)
    if dataset is None:
        console.print("Its accuracy was not measured: give --dataset and --data_dir for that.")
    console.print(
        f"Teacher: {folder}\nUse it: python -m rnascl_tf --config=RECIPE --workdir=DIR "
        f"--config.teacher.onnx={folder / 'teacher.onnx'}"
        + (f" --config.teacher.taps='{asked.taps}'" if asked.taps != "main" else ""),
        soft_wrap=True,
        markup=False,
    )


def teacher_description(asked, source, teacher, verification, images_from):
    """Returns what `teacher.json` says; "epsilon" and "robustness" are added where measured.

    `sha256` is of `teacher.onnx`, `source_sha256` of the file that was given (with its external
    weights); `verification.errors` hold max |Keras - onnxruntime| / max |onnxruntime| of each tap.
    """
    return {
        "file": "teacher.onnx",
        "source": Path(asked.onnx).name,
        **source,
        "sha256": teacher.sha256,
        "mean": asked.mean,
        "std": asked.std,
        "num_classes": teacher.num_classes,
        "input_shape": list(teacher.input_shape),
        "params": teacher.classifier.count_params(),
        "n_t": len(teacher.tap_names),
        "taps": list(teacher.tap_names),
        "taps_asked": asked.taps,
        "verification": dataclasses.asdict(verification) | {"images_from": images_from},
        "seed": asked.seed,
        "versions": versions(),
        "git_commit": git_commit(),
        "made_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _folder(asked):
    folder = writable_folder("out", asked.out)
    if (folder / "teacher.json").exists() and not asked.overwrite:
        raise TeacherError(
            f"--out={folder} holds an imported teacher; give another folder, or --overwrite."
        )
    return folder


def _dataset(asked):
    if asked.dataset is None:
        if asked.data_dir is not None:
            raise TeacherError(f"--data_dir={asked.data_dir} needs --dataset=NAME beside it.")
        return None
    try:
        dataset = load_dataset(asked.dataset, data_dir=asked.data_dir, image_size=asked.image_size)
    except DataError as error:  # it speaks of the main command's flag
        raise DataError(str(error).replace("--config.data.data_dir", "--data_dir")) from error
    if asked.examples > len(dataset.test):
        raise TeacherError(
            f"--examples={asked.examples}, but {dataset.name} has {len(dataset.test)} test images "
            "here: give at most so many."
        )
    return dataset


def _sizes(asked, dataset):
    if dataset is not None:
        return {"num_classes": dataset.num_classes, "input_shape": dataset.input_shape}
    if asked.image_size is not None:
        return {"input_shape": (asked.image_size, asked.image_size, 3)}
    return {}


def _images(asked, dataset, teacher):
    """Returns the images of the proof, and where they come from."""
    if dataset is None:
        crops = photograph_crops(asked.verify_examples, *teacher.input_shape, seed=asked.seed)
        return crops, "crops of scikit-learn's two photographs"
    count = min(asked.verify_examples, len(dataset.train))
    return dataset.train.evenly_spaced(count).as_float(), f"{dataset.name}, training images"


def _layers_table(teacher, verification, images_from):
    table = rich.table.Table(
        title=f"{teacher.name} in Keras against {verification.reference}, "
        f"{verification.images} images ({images_from})",
        box=rich.box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("layer", no_wrap=True)
    table.add_column("output", justify="right", no_wrap=True)
    table.add_column("largest relative error", justify="right", no_wrap=True)
    shapes = {name: tensor.shape[1:] for name, tensor in teacher.model.output["taps"].items()}
    shapes["logits"] = (teacher.num_classes,)
    for name, error in verification.errors.items():
        mark = "" if error <= verification.tolerance else "  too large"
        table.add_row(name, "x".join(map(str, shapes[name])), f"{error:.1e}{mark}")
    table.caption = f"{len(teacher.tap_names)} tapped convolutions (n_t)"
    return table


def _require_same(name, wanted, found):
    """Compares the written copy's logits with those of the file as it came."""
    error = float(abs(wanted - found).numpy().max() / abs(wanted).numpy().max())
    if not error <= teachers.TOLERANCE:
        raise TeacherError(
            f"{name} with its normalisation inside differs by {error:.2g} relative; "
            "normalise inside the network before you export it, and leave --mean and --std out."
        )


def _measure(asked, teacher, dataset, threat_model):
    examples = dataset.test.evenly_spaced(asked.examples)
    with progress(teacher.name) as on_batch:
        return evaluate(
            teacher.classifier,
            examples.as_float(),
            examples.labels,
            threat_model,
            ATTACKS,
            batch_size=min(asked.batch_size, asked.examples),
            seed=asked.seed,
            on_batch=on_batch,
        )


def _print_accuracy(robustness, threat_model, dataset):
    for attack, result in robustness.items():
        accuracy = Accuracy.from_json(result)
        at = "" if attack == "clean" else f" at L-inf {threat_model.epsilon:.4g}, pixel space"
        console.print(
            f"{attack}{at}: {accuracy} % (n = {accuracy.n})",
            markup=False,
        )
    if near_chance(Accuracy.from_json(robustness["clean"]), dataset.num_classes):
        console.print(f"Clean accuracy is near chance: {NEAR_CHANCE_REASONS}.", soft_wrap=True)
