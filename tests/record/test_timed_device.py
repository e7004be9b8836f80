"""The device of a latency, in the form in which files hold it."""

import pytest

from rnascl_tf.record import TimedDevice

LOCAL = {"kind": "local", "cpu": "Some CPU", "cores": 2, "runtime": "some 1.0"}
PHONE = {
    "kind": "adb",
    "serial": "A1",
    "cpu": "Phone 7",
    "cores": None,
    "android": "5",
    "runtime": "some 1.0",
}


@pytest.mark.parametrize("values", [LOCAL, PHONE])
def test_it_is_written_as_it_was_read(values):
    device = TimedDevice.from_json(values)
    assert list(device.to_json().items()) == list(values.items())
    assert device.is_local == (values is LOCAL)


@pytest.mark.parametrize("values", [{"kind": "local"}, LOCAL | {"colour": "red"}, "a phone"])
def test_anything_else_is_refused(values):
    with pytest.raises(TypeError):
        TimedDevice.from_json(values)
