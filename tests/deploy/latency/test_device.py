"""Devices by the names that a flag gives them."""

import pytest

from rnascl_tf.deploy import DeployError
from rnascl_tf.deploy.latency.adb import AdbDevice
from rnascl_tf.deploy.latency.device import LocalDevice, device_named


def test_this_machine_describes_itself():
    local = device_named("local")
    assert isinstance(local, LocalDevice)
    assert local.description.kind == "local"
    assert local.description.cores >= 1
    assert local.description.runtime.startswith("ai-edge-litert ")


def test_an_android_device_is_chosen_by_its_serial_number(phone):
    (phone / "devices").write_text("A1\tdevice\nB2\tdevice\n")
    found = device_named("adb:B2")
    assert isinstance(found, AdbDevice)
    assert found.description.serial == "B2"


@pytest.mark.parametrize(
    ("text", "benchmark_model", "message"),
    [
        ("phone", None, "unknown device 'phone': give local, adb or adb:SERIAL"),
        ("local", "tool", "add --device=adb, or leave it out"),
    ],
)
def test_refusals(text, benchmark_model, message):
    with pytest.raises(DeployError, match=message):
        device_named(text, benchmark_model)
