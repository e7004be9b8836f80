"""`tests/` mirrors the tree: a source file's test has its folder and its name, or is named here."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"

# Source files without a test of their name -> tests that go red when they are wrong.
ELSEWHERE = {
    "configs/cifar10.py": "tests/configs/test_recipes.py::test_cifar10_is_section_a1",
    "configs/digits.py": "tests/configs/test_recipes.py::test_builds_and_passes_the_checks",
    "rnascl_tf/__main__.py": "tests/commands/test_run.py::test_record_is_complete",
    "rnascl_tf/command_line/device_flags.py": (
        "tests/commands/test_bad_input.py::test_a_batch_that_replicas_cannot_share"
    ),
    "rnascl_tf/commands/predict.py": "tests/commands/test_run.py::test_predict_classifies_image_files",
    "rnascl_tf/data/cifar10_archive.py": (
        "tests/data/test_cifar10.py::test_no_network_says_what_to_do"
    ),
    "rnascl_tf/deploy/errors.py": "tests/deploy/test_interpreter.py::test_other_files_are_refused",
    "rnascl_tf/deploy/lite_runtime.py": "tests/deploy/test_interpreter.py::test_any_number_of_images",
    "rnascl_tf/exit_codes.py": "tests/command_line/test_running.py::test_an_error_is_one_line",
    "rnascl_tf/jobs/attack_feasibility.py": (
        "tests/jobs/test_from_python.py::test_a_combination_that_would_fail_at_its_end_is_refused"
    ),
    "rnascl_tf/jobs/attack_file.py": (
        "tests/commands/test_attack.py::test_a_table_a_record_and_outcomes_per_image"
    ),
    "rnascl_tf/jobs/attack_request.py": (
        "tests/commands/test_attack.py::test_wrong_input_is_one_line_and_writes_nothing"
    ),
    "rnascl_tf/jobs/classify_images.py": (
        "tests/commands/test_run.py::test_predict_classifies_image_files"
    ),
    "rnascl_tf/jobs/compare_settings.py": (
        "tests/commands/test_ablate.py::test_rows_share_teacher_and_filters_and_differ_in_what_is_varied"
    ),
    "rnascl_tf/jobs/data_of_request.py": (
        "tests/commands/test_attack.py::test_wrong_input_is_one_line_and_writes_nothing"
    ),
    "rnascl_tf/jobs/draw_scatter.py": "tests/commands/test_scatter.py::test_draws_prints_and_writes",
    "rnascl_tf/jobs/export_request.py": (
        "tests/jobs/test_from_python.py::test_an_export_is_completed_by_what_the_zoo_knows"
    ),
    "rnascl_tf/jobs/export_teacher.py": (
        "tests/commands/test_export_teacher.py::test_from_checkpoint_to_teacher"
    ),
    "rnascl_tf/jobs/import_request.py": (
        "tests/commands/test_import_teacher.py::test_wrong_input_is_one_line_and_leaves_nothing"
    ),
    "rnascl_tf/jobs/import_teacher.py": (
        "tests/commands/test_import_teacher.py::test_writes_a_teacher_that_normalises_itself"
    ),
    "rnascl_tf/jobs/launch_workers.py": "tests/commands/test_launch.py::test_wrong_input_is_one_line",
    "rnascl_tf/jobs/make_latency_table.py": (
        "tests/commands/test_latency_table.py::test_the_command_measures_resumes_and_draws"
    ),
    "rnascl_tf/jobs/named_files.py": (
        "tests/commands/test_fast_answers.py::test_is_answered_without_tensorflow"
    ),
    "rnascl_tf/jobs/run_recipe.py": "tests/commands/test_run.py::test_record_is_complete",
    "rnascl_tf/jobs/time_files.py": (
        "tests/commands/test_latency.py::test_a_table_a_record_and_the_remedy"
    ),
    "rnascl_tf/pipeline/config_changes.py": (
        "tests/pipeline/test_execution.py::test_a_difference_is_named_with_the_stages_that_depend_on_it"
    ),
    "rnascl_tf/pipeline/preview.py": (
        "tests/commands/test_bad_input.py::test_dry_run_prints_config_sizes_and_times_and_writes_nothing"
    ),
    "rnascl_tf/pipeline/refusals.py": (
        "tests/pipeline/test_execution.py::test_overwrite_refuses_to_leave_results_without_their_source"
    ),
    "rnascl_tf/recipes/base.py": "tests/configs/test_recipes.py::test_cifar10_is_section_a1",
    "rnascl_tf/recipes/loading.py": (
        "tests/commands/test_bad_input.py::test_what_a_recipe_raises_comes_with_its_line"
    ),
    "rnascl_tf/robustness/attacks/apgd_targeted.py": (
        "tests/robustness/attacks/test_targeted_attack.py"
        "::test_one_round_for_each_target_but_never_more_than_wrong_classes"
    ),
    "rnascl_tf/robustness/masking/measurements.py": (
        "tests/robustness/masking/test_checks.py::test_an_adversarially_trained_model_passes"
    ),
    "rnascl_tf/runs/latency_target.py": (
        "tests/stages/test_search_latency.py::test_a_measured_student_stands_beside_its_target"
    ),
    "rnascl_tf/runs/stage_training.py": (
        "tests/configs/test_image_folder.py::test_variants_give_batches_of_their_size"
    ),
    "rnascl_tf/runs/teacher_files.py": (
        "tests/stages/test_teacher.py::test_a_run_without_its_teacher_takes_the_same_file_and_no_other"
    ),
    "rnascl_tf/runtime/errors.py": (
        "tests/runtime/test_devices.py::test_a_malformed_tf_config_is_refused"
    ),
    "rnascl_tf/runtime/strategy_names.py": (
        "tests/runtime/test_environment.py::test_what_flags_need_is_importable_without_tensorflow"
    ),
    "rnascl_tf/stages/baseline.py": (
        "tests/commands/test_run.py::test_robustness_of_student_and_baseline"
    ),
    "rnascl_tf/stages/search.py": (
        "tests/stages/test_search_latency.py::test_the_student_meets_its_target_and_the_record_says_by_what"
    ),
    "rnascl_tf/stages/stage.py": (
        "tests/pipeline/test_new_stage.py::test_it_says_which_config_changes_it_stands"
    ),
    "rnascl_tf/stages/student_training.py": "tests/test_golden_losses.py::test_losses_are_those_stored",
    "rnascl_tf/stages/train.py": "tests/test_golden_losses.py::test_losses_are_those_stored",
    "rnascl_tf/training/loop/checkpoint_callback.py": (
        "tests/training/loop/test_fit.py::test_a_signal_ends_it_after_any_batch_and_it_goes_on_there"
    ),
    "rnascl_tf/training/loop/logs.py": (
        "tests/training/loop/test_epoch_log.py::test_machines_read_every_field"
    ),
    "rnascl_tf/training/loop/plan.py": (
        "tests/training/loop/test_fit.py::test_a_resumed_run_ends_like_one_never_interrupted"
    ),
    "rnascl_tf/training/moving_statistics.py": (
        "tests/training/test_replicas.py::test_per_replica_each_part_is_normalised_by_itself"
    ),
    "teachers/onnx_import/operators/refusal.py": (
        "tests/teachers/onnx_import/operators/test_shape_numbers.py::test_other_functions_of_the_batch_are_refused"
    ),
}

FILES = sorted(
    str(path.relative_to(ROOT))
    for room in ("rnascl_tf", "teachers", "configs")
    for path in (ROOT / room).glob("**/*.py")
    if path.name != "__init__.py"
)


def own_test(file: str) -> str:
    """`rnascl_tf/data/batches.py` -> `data/test_batches.py`; `teachers/` and `configs/` stay."""
    path = Path(file.removeprefix("rnascl_tf/"))
    return str(path.parent / f"test_{path.name}")


@pytest.mark.parametrize("file", FILES)
def test_every_source_file_is_tested_where_one_looks_for_it(file):
    own = TESTS / own_test(file)
    if file not in ELSEWHERE:
        assert own.exists(), (
            f"{file} has no {own.relative_to(ROOT)}: write it, or say in ELSEWHERE what tests it"
        )
        return
    assert not own.exists(), f"{file} has its test: take it off ELSEWHERE"
    path, name = ELSEWHERE[file].split("::")
    assert (ROOT / path).exists(), f"{file}: {path} is gone; say what tests it now"
    assert f"def {name}(" in (ROOT / path).read_text(), f"{file}: {path} has no {name}"


def test_what_is_listed_is_there():
    assert set(ELSEWHERE) <= set(FILES)


def test_every_folder_of_tests_is_one_of_the_source():
    of_other_files = {"examples", "benchmarks"}
    for path in TESTS.glob("**/test_*.py"):
        folder = path.parent.relative_to(TESTS)
        if path.parent != TESTS and folder.parts[0] not in of_other_files:
            assert (ROOT / "rnascl_tf" / folder).is_dir() or (ROOT / folder).is_dir(), path
