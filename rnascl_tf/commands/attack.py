"""The command `rnascl attack`: attack any classifier file and say what stands.

Writes `DIR/robustness.json` (see `assessment.record`), `outcomes.npz` (per image, see
`robustness.outcomes`), and with --sweep `sweep.csv` and `sweep.png`.
"""

import functools

from absl import logging

from rnascl_tf import command_line
from rnascl_tf.command_line import devices_of, writable_folder
from rnascl_tf.commands.attack_feasibility import (
    check_combination,
    check_norms,
    possible_attacks,
    why_no_verdict,
)
from rnascl_tf.commands.attack_flags import (
    EXAMPLES,
    MASKING_EXAMPLES,
    AssessmentError,
    attack_flags,
)
from rnascl_tf.console import console, print_whole, progress
from rnascl_tf.data import DataError, load_dataset
from rnascl_tf.exit_codes import EXIT_STRICT
from rnascl_tf.files import write_json
from rnascl_tf.model_files.model_file import check_exists, load_model_file
from rnascl_tf.report.attack_table import assessment_table
from rnascl_tf.report.masking_table import masking_table
from rnascl_tf.report.robustbench import assessment_record
from rnascl_tf.report.sweep_plot import save_sweep
from rnascl_tf.robustness import (
    Accuracy,
    Attacker,
    ThreatModel,
    attack_named,
    parse_epsilon,
    run_attack,
)
from rnascl_tf.robustness.attacks.registry import CLEAN, known_attacks
from rnascl_tf.robustness.chance import like_chance
from rnascl_tf.robustness.epsilon_sweep import sweep
from rnascl_tf.robustness.masking.checks import masking_verdict
from rnascl_tf.robustness.masking.measurements import MaskingMeasurements


def main(arguments):
    """Runs the command; returns its exit code."""
    return command_line.run(_command, arguments, command_line.CONTINUES)


def _command(arguments):
    asked = attack_flags().parse(arguments)
    if asked is None:
        return 0
    threat_model = ThreatModel(
        parse_epsilon(asked.epsilon),
        asked.norm,
        space=asked.space,
        deviation=asked.deviation,
    )
    attacks = known_attacks(asked.attacks, asked.budget)
    check_norms(attacks, asked.budget, threat_model)
    out = writable_folder("out", asked.out)
    for path in (asked.model, asked.teacher):
        if path is not None:
            check_exists(path)
    dataset = _dataset(asked)
    examples = dataset.test.evenly_spaced(_count(asked, dataset))
    devices = devices_of(asked)
    with devices.scope():
        model_file = _model(asked, asked.model, dataset)
        teacher = _model(asked, asked.teacher, dataset, ()) if asked.teacher else None
    if asked.masking_examples is None:
        asked.masking_examples = min(MASKING_EXAMPLES, len(examples))
    no_verdict = why_no_verdict(asked, model_file, threat_model)
    check_combination(asked, model_file, teacher, threat_model, no_verdict)
    state = out / "outcomes.npz"
    if asked.overwrite:
        for kept in (state, *out.glob("masking_*.npz"), *out.glob("sweep_*.npz")):
            kept.unlink(missing_ok=True)
    settings = {"batch_size": asked.batch_size, "seed": asked.seed, "strategy": devices.strategy}
    with progress(model_file.path.name) as on_batch:
        attacker = Attacker(
            model_file.model,
            examples.as_float(),
            examples.labels,
            threat_model,
            on_batch=on_batch,
            state=state,
            model_id=_model_id(asked, model_file),
            classes=dataset.num_classes,
            **settings,
        )
        for name in attacks:
            if name != CLEAN:
                attacker.check(attack_named(name, asked.budget))
        attacks = possible_attacks(asked, attacks, attacker, model_file, no_verdict)
        _say_what_is_used(model_file, attacker, devices)
        out.mkdir(parents=True, exist_ok=True)
        # Clean accuracy always: no robust accuracy says anything without it.
        names = list(dict.fromkeys([CLEAN, *attacks]))
        results = {}
        for name in names:
            results[name] = run_attack(attacker, name, asked.budget)
            if name == CLEAN:
                _warn_of_chance(results[name].accuracy, attacker.classes)
    title = f"{model_file.path.name} on {dataset.name}, {asked.norm} {asked.epsilon}, "
    print_whole(assessment_table(results, f"{title}{asked.space} space"))
    record = functools.partial(
        assessment_record, model_file, dataset.name, threat_model, asked.epsilon, results
    )
    # Now, too: hours of attacks are not to be lost with the verdict.
    write_json(out / "robustness.json", record(None))
    code = 0
    if no_verdict:
        console.print(f"No verdict on masked gradients: {no_verdict}.", soft_wrap=True)
    else:
        verdict = _verdict(asked, model_file, teacher, dataset, threat_model, settings, out)
        print_whole(masking_table(verdict.as_record(), model_file.path.name))
        write_json(out / "robustness.json", record(verdict, teacher))
        if asked.strict and verdict.suspicious:
            code = EXIT_STRICT
    if asked.sweep:
        curves = _sweep(asked, model_file, teacher, examples, threat_model, settings, out)
        curves.write_csv(out / "sweep.csv")
        save_sweep(curves, out / "sweep.png")
    console.print(f"Written to {out}", soft_wrap=True, markup=False)
    return code


def _warn_of_chance(clean: Accuracy, classes: int) -> None:
    if like_chance(clean, classes):
        logging.warning(
            "clean accuracy %s %% (n = %d) is what guessing among %d classes may reach: is it the "
            "data set that the model was trained for? Does it want images in [0, 1], or --mean and "
            "--std?",
            clean,
            clean.n,
            classes,
        )


def _dataset(asked):
    try:
        dataset = load_dataset(
            asked.dataset,
            data_dir=asked.data_dir,
            image_size=asked.image_size,
            resized_crop=asked.resized_crop,
        )
    except DataError as error:  # it speaks of the main command's flag
        raise DataError(str(error).replace("--config.data.data_dir", "--data_dir")) from error
    return dataset


def _count(asked, dataset):
    available = len(dataset.test)
    if asked.examples is None:
        return min(EXAMPLES, available)
    if not 1 <= asked.examples <= available:
        raise AssessmentError(
            f"--examples={asked.examples}, but {dataset.name} has {available} test images here: "
            f"give 1 to {available}."
        )
    return asked.examples


def _model(asked, path, dataset, normalization=("mean", "std")):
    mean_and_std = {name: getattr(asked, name) for name in normalization}
    return load_model_file(
        path,
        **mean_and_std,
        num_classes=dataset.num_classes,
        input_shape=dataset.input_shape,
    )


def _say_what_is_used(model_file, attacker, devices):
    folded = attacker.folded_batch_norms
    console.print(
        f"{model_file.path.name}: {model_file.kind}, {attacker.classes} classes, "
        f"{len(attacker.images)} images on {devices.replicas} device(s); "
        f"{folded or 'no'} batch norms folded into convolutions.",
        soft_wrap=True,
        markup=False,
    )


def _model_id(asked, model_file):
    return f"{model_file.sha256} mean {asked.mean} std {asked.std}"


def _verdict(asked, model_file, teacher, dataset, threat_model, settings, out):
    count = min(asked.masking_examples, len(dataset.test))
    examples = dataset.test.evenly_spaced(count)
    with progress("masking") as on_batch:
        return masking_verdict(
            MaskingMeasurements(
                model_file.model,
                examples.as_float(),
                examples.labels,
                threat_model,
                teacher=None if teacher is None else teacher.model,
                examples=count,
                on_batch=on_batch,
                state=out / "masking",
                model_id=_model_id(asked, model_file),
                **settings,
            )
        )


def _sweep(asked, model_file, teacher, examples, threat_model, settings, out):
    """Returns accuracy over epsilons of the model, and of the teacher where one is given."""
    models = {model_file.path.stem: model_file.model}
    model_ids = {model_file.path.stem: _model_id(asked, model_file)}
    if teacher is not None:
        name = f"teacher {teacher.path.stem}"
        models[name], model_ids[name] = teacher.model, teacher.sha256
    with progress("sweep") as on_batch:
        return sweep(
            models,
            examples.as_float(),
            examples.labels,
            threat_model,
            on_batch=on_batch,
            state=out / "sweep",
            model_ids=model_ids,
            **settings,
        )
