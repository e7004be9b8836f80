"""Fixtures of the rooms that the commands drive."""

from tests.deploy.conftest import (  # noqa: F401
    calibration,
    classifier,
    saved_model_dir,
    tflite_files,
)
from tests.deploy.latency.conftest import phone, tiny  # noqa: F401
from tests.report.conftest import models, write_record  # noqa: F401
from tests.teachers.conftest import (  # noqa: F401
    cifar10_batch,
    cifar10_images,
    cifar10_labels,
    generator,
    images,
    run_onnx,
    shared_folder,
    write_classifier,
    write_onnx,
)
