"""The model card of an export, Markdown with the front matter that model hubs read.

Every number comes from the record; what was not measured is said to be so.
"""

from pathlib import Path

_NAMES = {"student": "trained by RNAS-CL", "trades": "trained by RNAS-CL, fine-tuned by TRADES"}


def model_card(record, dataset):
    """Returns the card's text.

    Args:
        record: a `Record` whose search and export stages have run.
        dataset: the `Dataset` that the student was trained on.
    """
    exports = record["exports"]
    name = exports[0]["model"]
    architecture = record["architecture"]
    threat = exports[0]["robust"]
    sections = [
        _front_matter(dataset),
        f"# {architecture['space']} student for {dataset.name}",
        f"An image classifier, {_NAMES[name]}: {architecture['params']:,} parameters, "
        f"{architecture['macs']:,} multiply-adds for one image, {len(exports)} TFLite file(s) and a "
        "SavedModel. Images are float32 in [0, 1], "
        f"{' x '.join(map(str, architecture['input_shape']))}; normalisation is inside.",
        "## Data",
        f"{dataset.name}: {len(dataset.train):,} training, {len(dataset.validation):,} validation, "
        f"{len(dataset.test):,} test images, {dataset.num_classes} classes "
        f"({_classes(dataset.class_names)}). Terms: {dataset.license}.",
        "## Architecture",
        _architecture(record),
        "## Accuracy of the Keras model",
        _robustness(record, name),
        "## The files",
        f"Accuracy in % with 95% Wilson intervals. *Attacked* is what withstands {threat['attack']}, "
        f"at {threat['norm']} epsilon {threat['epsilon']:.6g} in {threat['space']} units of [0, 1]; "
        "*Keras* is the Keras model under the same attacks on the same images. An upper bound: other "
        "attacks may break more.",
        _files(exports),
        _flagged(exports),
        f"p50 / p90: milliseconds for one image on {record['hardware']['cpu']}, "
        f"{exports[0]['latency']['threads']} thread(s), {exports[0]['latency']['runs']} runs. "
        "A phone's are others: `python -m rnascl_tf.deploy.latency --device=adb`.",
        "| kind | input: dtype, scale, zero point | output: dtype, scale, zero point |\n|---|---|---|\n"
        + "\n".join(_quantization(export) for export in exports),
        "## Use",
        "Each file has one signature, `serving_default`: `images` in, `logits` out, one image at a "
        "time; `labels.txt` names the classes in the logits' order. An int8 file takes "
        "round(pixel / scale) + zero point. The SavedModel's `serving_default` takes float32 images, "
        "`serve_uint8` bytes; both give `logits` and `probabilities`.",
        "## Verify",
        "```bash\nsha256sum -c SHA256SUMS\n"
        f"python -m rnascl_tf.robustness --model={_file(exports[0])} --dataset={dataset.name} \\\n"
        f"    --epsilon={threat['epsilon']:.6g} --attacks=clean,square --examples="
        f"{min(100, exports[0]['clean']['n'])} --out=verified\n```",
        "## Limits",
        _limits(record, name, exports),
        f"Made by rnascl-tf, commit {record['git_commit'] or 'unknown'}, seed "
        f"{record['seeds']['run']}.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(dataset):
    return (
        "---\nlibrary_name: tflite\npipeline_tag: image-classification\ntags:\n- rnas-cl\n"
        f"- adversarial-robustness\ndatasets:\n- {dataset.name}\n---"
    )


def _classes(names):
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown}, ..."


def _architecture(record):
    architecture, teacher = record["architecture"], record["teacher"]
    filters = " | ".join(" ".join(map(str, widths)) for widths in architecture["filters"])
    activation = architecture.get("activation", "hard_swish")
    return (
        f"Space {architecture['space']}, filters of the blocks {filters}, activation {activation}, "
        f"taught by {teacher['name']} (sha256 {teacher['sha256']})."
    )


def _robustness(record, name):
    results = record["robustness"].get(name)
    if not results:
        return "Not evaluated: the evaluate stage has not run."
    lines = ["| attack | accuracy, % | n | epsilon | space |", "|---|---|---|---|---|"]
    for attack, result in results.items():
        lines.append(
            f"| {attack} | {accuracy(result)} | {result['n']} | {result['epsilon']:.6g} | "
            f"{result['space']} |"
        )
    return "\n".join(lines)


def accuracy(result):
    """Returns "61.3 [58.2, 64.3]", percent with the interval."""
    low, high = result["interval"]
    return f"{100 * result['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _files(exports):
    lines = [
        "| file | KiB | same class as Keras, % | clean | transferred | attacked | Keras | n "
        "| p50 / p90 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for export in exports:
        robust, latency = export["robust"], export["latency"]
        lines.append(
            f"| {_file(export)} | {export['bytes'] / 1024:.1f} | "
            f"{100 * export['agreement']['top1']:.2f} | {accuracy(export['clean'])} | "
            f"{accuracy(robust['transferred'])} | {accuracy(robust)}"
            f"{' **(flagged)**' if robust['flagged'] else ''} | {accuracy(robust['keras'])} | "
            f"{robust['n']} | {latency['p50_ms']:.3f} / {latency['p90_ms']:.3f} |"
        )
    sums = "\n".join(f"- `{_file(export)}`: sha256 `{export['sha256']}`" for export in exports)
    return "\n".join(lines) + "\n\n" + sums


def _flagged(exports):
    worse = [export for export in exports if export["robust"]["flagged"]]
    return " ".join(
        f"**{_file(export)} loses {export['robust']['drop_points']:.1f} points of robust accuracy "
        "against the Keras model.**"
        for export in worse
    )


def _quantization(export):
    cells = []
    for end in ("input", "output"):
        facts = export["quantization"][end]
        numbers = "" if facts["scale"] is None else f", {facts['scale']:.6g}, {facts['zero_point']}"
        cells.append(f"{facts['dtype']}{numbers}")
    return f"| {export['kind']} | {cells[0]} | {cells[1]} |"


def _limits(record, name, exports):
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
        f"{masking} {square}Robustness was measured against small changes of every pixel at one "
        "epsilon, on test images of the same data set, for one trained network. Nothing is known of "
        "other threats (patches, rotations, common corruptions), of images from elsewhere, or of how "
        "accuracy differs between groups of images."
    )


def _file(export):
    return Path(export["file"]).name
