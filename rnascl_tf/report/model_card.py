"""The model card of an export, Markdown with the front matter that model hubs read.

Every number comes from the record; what was not measured is named.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from rnascl_tf.data import DataSet
from rnascl_tf.recipes.choices import NO_ATTACK
from rnascl_tf.record import Record
from rnascl_tf.report.model_style import NO_STYLES, Styles, style_of
from rnascl_tf.report.titles import NORM_TITLES
from rnascl_tf.robustness import Accuracy, AttackResult

Values: TypeAlias = Record | Mapping[str, Any]

_FRONT_MATTER = (
    "---\nlibrary_name: tflite\npipeline_tag: image-classification\ntags:\n- rnas-cl\n"
    "- adversarial-robustness\n---"
)
"""Without the data set: hubs know some by other names, and a folder of images not at all."""


def model_card(record: Values, dataset: DataSet, styles: Styles = NO_STYLES) -> str:
    """Returns the card's text.

    Args:
        record: of a run whose search and export stages are finished.
        dataset: that the student was trained on.
        styles: of the models.
    """
    exports = record["exports"]
    name = exports[0]["model"]
    architecture = record["architecture"]
    threat = exports[0]["robust"]
    sections = [
        _FRONT_MATTER,
        f"# {architecture['space']} student for {dataset.name}",
        f"An image classifier, {style_of(styles, name).origin}: {architecture['params']:,} parameters, "
        f"{architecture['macs']:,} multiply-adds for one image, {len(exports)} TFLite file(s) and a "
        "SavedModel. Images are float32 in [0, 1], "
        f"{' x '.join(map(str, architecture['input_shape']))}; normalisation is inside. "
        f"{_training_images(record['config'])}",
        "## Data",
        f"{dataset.name}: {len(dataset.train):,} training, {len(dataset.validation):,} validation, "
        f"{len(dataset.test):,} test images, {dataset.num_classes} classes "
        f"({_classes(dataset.class_names)}). Terms: {dataset.license}.",
        "## Architecture",
        _architecture(record),
        "## Accuracy of the Keras model",
        _robustness(record, name, threat["norm"]),
        "## The files",
        "Accuracy in % with 95% Wilson intervals; n counts the test images of the columns before it. "
        f"*Attacked* is what withstands {threat['attack']}, at {NORM_TITLES[threat['norm']]} epsilon "
        f"{threat['epsilon']:.6g} in {threat['space']} units of [0, 1]; *Keras* is the Keras model "
        "under the same attacks on the same images. An upper bound: other attacks may break more.",
        _files(exports),
        _flagged(exports),
        f"p50 / p90: milliseconds for one image on {record['hardware']['cpu']}, "
        f"{exports[0]['latency']['threads']} thread(s), {exports[0]['latency']['runs']} runs. "
        "For a phone: `rnascl latency --device=adb`.",
        _latency_target(exports),
        "| kind | input: dtype, scale, zero point | output: dtype, scale, zero point |\n|---|---|---|\n"
        + "\n".join(_quantization(export) for export in exports),
        _calibration(exports),
        "## Use",
        "Each file has one signature, `serving_default`: `images` in, `logits` out, one image at a "
        "time; `labels.txt` names the classes in the logits' order. An int8 file takes "
        "round(pixel / scale) + zero point. The SavedModel's `serving_default` takes float32 images, "
        "`serve_uint8` bytes; both give `logits` and `probabilities`.",
        "## Verify",
        "In this folder, the files' hashes, and then the clean accuracy of the table, once more; the "
        "second command needs rnascl-tf's environment (`source .venv/bin/activate` in its folder). For "
        "data that are not embedded give `--data_dir=FOLDER`; `--attacks=square` asks the file 5,000 "
        "times for each image.",
        "```bash\nsha256sum -c SHA256SUMS\n"
        f"rnascl attack --model={_file(exports[0])} --dataset={dataset.name} \\\n"
        f"    --image_size={dataset.input_shape[0]} {_crop(record)}--norm={threat['norm']} "
        f"--epsilon={threat['epsilon']:.6g} --attacks=clean \\\n"
        f"    --examples={exports[0]['clean']['n']} --out=verified\n```",
        "## Limits",
        _limits(record, name, exports),
        f"Made by rnascl-tf, commit {record['git_commit'] or 'unknown'}, seed "
        f"{record['seeds']['run']}.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _crop(record: Values) -> str:
    return "--resized_crop " if record["config"]["data"].get("resized_crop") else ""


def _latency_target(exports: Sequence[Values]) -> str:
    return " ".join(
        f"Searched for {_milliseconds(target['target_ms'] or target['predicted_ms'])} as "
        f"{export['kind']}: {_milliseconds(target['measured_ms'])} measured, "
        f"{_milliseconds(target['predicted_ms'])} predicted from the latency of its blocks."
        for export in exports
        if (target := export["latency_target"])
    )


def _milliseconds(value: float) -> str:
    return f"{value:.4g} ms"


def _training_images(config: Values) -> str:
    # Runs from before there was a choice trained on clean images.
    attack = config.get("train", {}).get("attack", NO_ATTACK)
    if attack == NO_ATTACK:
        return "It was trained on clean images."
    threat = config["threat"]
    return (
        f"It was trained on images attacked by {attack} at {NORM_TITLES[threat['norm']]} epsilon "
        f"{threat['epsilon']} in pixel units of [0, 1]."
    )


def _classes(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown}, ..."


def _architecture(record: Values) -> str:
    architecture, teacher = record["architecture"], record["teacher"]
    filters = " | ".join(" ".join(map(str, widths)) for widths in architecture["filters"])
    activation = architecture.get("activation", "hard_swish")
    return (
        f"Space {architecture['space']}, filters of the blocks {filters}, activation {activation}, "
        f"taught by {teacher['name']} (sha256 {teacher['sha256']})."
    )


def _robustness(record: Values, name: str, norm: str) -> str:
    results = record["robustness"].get(name)
    if not results:
        return "Not evaluated: the evaluate stage has not run."
    lines = [
        f"| attack | accuracy, % | n | steps | {NORM_TITLES[norm]} epsilon | space |",
        "|---|---|---|---|---|---|",
    ]
    for attack, values in results.items():
        result = AttackResult.from_json(values)
        lines.append(
            f"| {attack} | {result.accuracy} | {result.accuracy.n} | {result.steps} | "
            f"{result.epsilon:.6g} | {result.space} |"
        )
    return "\n".join(lines)


def _files(exports: Sequence[Values]) -> str:
    lines = [
        "| file | KiB | same class as Keras, % | clean | transferred | Keras, transferred | n "
        "| attacked | Keras, attacked | n | p50 / p90 | pieces that XNNPACK runs |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for export in exports:
        robust, latency = export["robust"], export["latency"]
        read = Accuracy.from_json
        lines.append(
            f"| {_file(export)} | {export['bytes'] / 1024:.1f} | "
            f"{100 * export['agreement']['top1']:.2f} | {read(export['clean'])} | "
            f"{read(robust['transferred'])} | {read(robust['keras']['transferred'])} | "
            f"{robust['transferred']['n']} | "
            f"{read(robust)}{' **(flagged)**' if robust['flagged'] else ''} | "
            f"{read(robust['keras'])} | {robust['n']} | "
            f"{latency['p50_ms']:.3f} / {latency['p90_ms']:.3f} | {export['delegation']['pieces']} |"
        )
    sums = "\n".join(f"- `{_file(export)}`: sha256 `{export['sha256']}`" for export in exports)
    return "\n".join(lines) + "\n\n" + sums


def _flagged(exports: Sequence[Values]) -> str:
    worse = [export for export in exports if export["robust"]["flagged"]]
    return " ".join(
        f"**{_file(export)} loses robust accuracy against the Keras model: "
        f"{export['robust']['drop_points_transferred']:.1f} points under transferred images, "
        f"{export['robust']['drop_points']:.1f} under all attacks.**"
        for export in worse
    )


def _quantization(export: Values) -> str:
    cells = []
    for end in ("input", "output"):
        facts = export["quantization"][end]
        numbers = "" if facts["scale"] is None else f", {facts['scale']:.6g}, {facts['zero_point']}"
        cells.append(f"{facts['dtype']}{numbers}")
    return f"| {export['kind']} | {cells[0]} | {cells[1]} |"


def _calibration(exports: Sequence[Values]) -> str:
    return "".join(
        f"The ranges of {export['kind']} were found on {export['calibration']['images']} images of "
        f"{export['calibration']['of']}."
        for export in exports
        if export["calibration"] is not None
    )


def _limits(record: Values, name: str, exports: Sequence[Values]) -> str:
    verdict = record.get("masking", {}).get(name)
    if verdict is None:
        masking = "Whether gradients are masked was not checked."
    elif verdict["suspicious"]:
        masking = f"Gradients look masked ({', '.join(verdict['failed'])}): do not trust the above."
    else:
        masking = f"No sign of masked gradients in {len(verdict['checks'])} checks."
    asked = exports[0]["robust"]["square_attacked"]
    square = "Square was not run on the files. " if asked is None else ""
    return (
        f"{masking} {square}Robustness was measured against small changes at one epsilon and in one "
        "norm, on test images of the same data set, for one trained network. Nothing is known of "
        "other threats (patches, rotations, common corruptions), of images from elsewhere, or of how "
        "accuracy differs between groups of images."
    )


def _file(export: Values) -> str:
    return Path(export["file"]).name
