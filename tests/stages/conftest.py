"""A run of `digits:smoke` whose students are taken as trained; their weights are the initial ones."""

import pytest

import teachers
from rnascl_tf.files import save_model, write_json
from rnascl_tf.networks import build_student, describe, student_taps, write_architecture
from rnascl_tf.recipes.loading import load_recipe
from rnascl_tf.runs import Run


@pytest.fixture
def trained_run(tmp_path):
    """A `Run`, its students in DIR/train and DIR/trades with seeds 1 and 2, without a baseline."""
    config = load_recipe("digits:smoke")
    config.trades.update(dict(enabled=True, epochs=1, attack_steps=1, attack_step_size=1.0))
    config.baseline.enabled = False
    config.data.train_examples = 64
    run = Run(config, tmp_path)
    dataset = run.dataset
    teacher = teachers.resnet(
        dataset.num_classes, dataset.input_shape, widths=(5, 7), blocks=(1, 1), seed=1
    )
    save_model(teacher, run.folder("teacher") / "teacher.keras")
    write_json(tmp_path / "teacher" / "teacher.json", {"file": "teacher.keras"})
    run.record["teacher"] = {"n_t": len(run.teacher.tap_names)}

    def architecture(tutors):
        filters = run.space.narrowest
        return describe(run.problem, filters, tutors, 0)

    for seed, stage in enumerate(("train", "trades"), start=1):
        student = build_student(architecture([]), momentum=0.997, seed=seed)
        save_model(student, run.folder(stage) / "student.keras")
    tutors = [
        {"student": name, "teacher": run.teacher.tap_names[0], "probability": 1.0}
        for name in student_taps(student).output["taps"]
    ]
    write_architecture(architecture(tutors), run.folder("search") / "architecture.json")
    return run
