"""An Android device, played by the program adb of conftest.py."""

import pytest

from rnascl_tf.deploy import DeployError
from rnascl_tf.deploy.latency.device import device_named


def test_a_device_that_tells_little_of_itself(phone):
    (phone / "android 5").touch()
    description = device_named("adb").description
    assert (description.cores, description.runtime) == (None, "benchmark_model unknown")


def test_files_on_a_device_are_interleaved_and_pushed_once(phone, tflite_files):
    files = {kind: tflite_files[kind] for kind in ("float32", "float16", "int8")}
    assert list(device_named("adb").measure(files, threads=2, runs=6, rounds=4)) == list(files)
    calls = [call.split() for call in (phone / "calls").read_text().splitlines()]
    remote = [call[-1] for call in calls if "push" in call]
    assert len(set(remote)) == len(remote) == 3
    timed = [call[4].removeprefix("--graph=") for call in calls if "--graph=" in " ".join(call)]
    a, b, c = remote
    assert timed == [a, b, c, b, c, a, c, a, b, a, b, c]
    assert calls[-1] == ["-s", "A1", "shell", "rm", "-f", *sorted(remote)]
    with pytest.raises(DeployError, match="runs must be 1 or more, got 0"):
        device_named("adb").measure(files, runs=0)
