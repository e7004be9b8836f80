"""`tests/` mirrors the tree: a source file has a test of its name, or is listed with what tests it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TESTED_IN = {
    "configs/cifar10.py": "tests/configs/test_recipes.py",
    "configs/digits.py": "tests/configs/test_recipes.py",
    "rnascl_tf/command_line/device_flags.py": "tests/runtime/test_devices.py",
    "rnascl_tf/command_line/flag_values.py": "tests/command_line/test_command_flags.py",
    "rnascl_tf/commands/predict.py": "tests/commands/test_run.py",
    "rnascl_tf/console.py": "tests/commands/test_run.py",
    "rnascl_tf/deploy/errors.py": "tests/deploy/test_tflite.py",
    "rnascl_tf/deploy/lite_runtime.py": "tests/deploy/test_interpreter.py",
    "rnascl_tf/errors.py": "tests/test_hostile_files.py",
    "rnascl_tf/exit_codes.py": "tests/commands/test_dispatch.py",
    "rnascl_tf/jobs/attack_feasibility.py": "tests/commands/test_attack.py",
    "rnascl_tf/jobs/attack_file.py": "tests/commands/test_attack.py",
    "rnascl_tf/jobs/attack_request.py": "tests/commands/test_attack.py",
    "rnascl_tf/jobs/classify_images.py": "tests/jobs/test_from_python.py",
    "rnascl_tf/jobs/compare_settings.py": "tests/commands/test_ablate.py",
    "rnascl_tf/jobs/data_of_request.py": "tests/commands/test_attack.py",
    "rnascl_tf/jobs/draw_scatter.py": "tests/commands/test_scatter.py",
    "rnascl_tf/jobs/export_request.py": "tests/commands/test_export_teacher.py",
    "rnascl_tf/jobs/export_teacher.py": "tests/commands/test_export_teacher.py",
    "rnascl_tf/jobs/import_request.py": "tests/commands/test_import_teacher.py",
    "rnascl_tf/jobs/import_teacher.py": "tests/commands/test_import_teacher.py",
    "rnascl_tf/jobs/launch_workers.py": "tests/test_survival.py",
    "rnascl_tf/jobs/make_latency_table.py": "tests/commands/test_latency_table.py",
    "rnascl_tf/jobs/run_recipe.py": "tests/commands/test_run.py",
    "rnascl_tf/jobs/time_files.py": "tests/commands/test_latency.py",
    "rnascl_tf/pipeline/config_changes.py": "tests/pipeline/test_execution.py",
    "rnascl_tf/pipeline/preview.py": "tests/commands/test_bad_input.py",
    "rnascl_tf/pipeline/refusals.py": "tests/pipeline/test_execution.py",
    "rnascl_tf/recipes/base.py": "tests/configs/test_recipes.py",
    "rnascl_tf/recipes/loading.py": "tests/commands/test_bad_input.py",
    "rnascl_tf/recipes/overrides.py": "tests/command_line/test_recipe_flags.py",
    "rnascl_tf/recipes/rules.py": "tests/pipeline/test_settings.py",
    "rnascl_tf/robustness/attacks/apgd_targeted.py": "tests/robustness/attacks/test_apgd.py",
    "rnascl_tf/robustness/masking/measurements.py": "tests/robustness/masking/test_checks.py",
    "rnascl_tf/runs/config_threat_model.py": "tests/pipeline/test_settings.py",
    "rnascl_tf/runs/latency_target.py": "tests/stages/test_search_latency.py",
    "rnascl_tf/runs/stage_files.py": "tests/test_hostile_files.py",
    "rnascl_tf/runs/stage_training.py": "tests/stages/test_trades.py",
    "rnascl_tf/runs/teacher_files.py": "tests/stages/test_teacher.py",
    "rnascl_tf/runtime/errors.py": "tests/runtime/test_devices.py",
    "rnascl_tf/runtime/strategy_names.py": "tests/runtime/test_environment.py",
    "rnascl_tf/stages/baseline.py": "tests/commands/test_run.py",
    "rnascl_tf/stages/estimation.py": "tests/commands/test_bad_input.py",
    "rnascl_tf/stages/search.py": "tests/stages/test_search_latency.py",
    "rnascl_tf/stages/stage.py": "tests/pipeline/test_new_stage.py",
    "rnascl_tf/stages/student_training.py": "tests/commands/test_run.py",
    "rnascl_tf/stages/train.py": "tests/commands/test_run.py",
    "rnascl_tf/training/loop/checkpoint_callback.py": "tests/training/loop/test_fit.py",
    "rnascl_tf/training/loop/logs.py": "tests/training/loop/test_fit.py",
    "rnascl_tf/training/loop/plan.py": "tests/training/loop/test_fit.py",
    "rnascl_tf/training/metrics.py": "tests/training/test_student_model.py",
    "rnascl_tf/training/moving_statistics.py": "tests/training/test_replicas.py",
    "teachers/onnx_import/operators/refusal.py": "tests/teachers/onnx_import/test_convert.py",
}


def test_every_source_file_has_a_test_of_its_name_or_is_listed():
    without = set()
    for tree in ("rnascl_tf", "teachers", "configs"):
        for path in (ROOT / tree).glob("**/*.py"):
            source = path.relative_to(ROOT)
            if path.name in ("__init__.py", "__main__.py"):
                continue
            room = source.parent.relative_to(tree) if tree == "rnascl_tf" else source.parent
            if not (ROOT / "tests" / room / f"test_{path.name}").exists():
                without.add(source.as_posix())
    assert without == set(TESTED_IN), "list it with what tests it, or give it a test of its name"


def test_what_is_listed_exists():
    assert [test for test in TESTED_IN.values() if not (ROOT / test).exists()] == []
