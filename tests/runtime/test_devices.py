"""The devices that a command gets, and its message if they are not available."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tensorflow as tf

from rnascl_tf.jobs.launch_workers import free_ports
from rnascl_tf.runtime.devices import ONE_DEVICE, Devices, choose_devices
from rnascl_tf.runtime.errors import DevicesError, WorkerLostError

ROOT = Path(__file__).resolve().parents[2]
FIRST = {"type": "worker", "index": 0}
TWO = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}


def cluster(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text if isinstance(text, str) else json.dumps(text))


def test_one_device_without_gpus_and_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert choose_devices() == ONE_DEVICE == choose_devices("one_device")
    assert (ONE_DEVICE.replicas, ONE_DEVICE.is_chief) == (1, True)
    ONE_DEVICE.wait_for_all()


def test_mirrored_takes_every_device(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    found = choose_devices("mirrored")  # conftest has made two
    assert found.replicas == 2
    with found.scope():
        assert tf.distribute.get_strategy() is found.strategy
    assert str(found) == "2 replica(s), MirroredStrategy"


@pytest.mark.parametrize(
    ("config", "part"),
    [
        ("{", "TF_CONFIG is '{'; wanted"),
        ("[]", "wanted"),
        ({"cluster": TWO}, "wanted"),
        (
            {"cluster": TWO, "task": {"type": "worker", "index": 2}},
            "there is no worker 2; the 2 workers",
        ),
        ({"cluster": TWO, "task": {"type": "worker", "index": -1}}, "there is no worker -1"),
        ({"cluster": TWO, "task": {"type": "chief", "index": 0}}, "only workers"),
        ({"cluster": {"worker": ["here"]}, "task": FIRST}, "workers here: wanted HOST:PORT"),
        ({"cluster": {"worker": ["h:1", "h:1"]}, "task": FIRST}, "a different one for each"),
        ({"cluster": {"worker": [7, None]}, "task": FIRST}, "wanted HOST:PORT"),
        (
            {"cluster": TWO | {"ps": ["h:1"]}, "task": {"type": "worker", "index": 0}},
            "only workers",
        ),
    ],
)
def test_a_malformed_tf_config_is_refused(monkeypatch, config, part):
    cluster(monkeypatch, config)
    with pytest.raises(DevicesError, match=part):
        choose_devices("auto")


@pytest.mark.parametrize("name", ["one_device", "mirrored"])
def test_a_cluster_is_not_silently_left_out(monkeypatch, name):
    cluster(monkeypatch, {"cluster": TWO, "task": {"type": "worker", "index": 1}})
    with pytest.raises(DevicesError, match="TF_CONFIG names 2 workers"):
        choose_devices(name)


def test_a_strategy_that_is_not_possible_names_the_way_out(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(DevicesError, match=r"needs TF_CONFIG.*rnascl launch"):
        choose_devices("multi_worker")
    with pytest.raises(DevicesError, match="'tpu': give one of auto, one_device"):
        choose_devices("tpu")
    with pytest.raises(DevicesError, match="must be 0 or more"):
        choose_devices("mirrored", logical_cpus=-1)


def fail(devices, error):
    with devices.watching():
        raise error


def test_a_lost_worker_is_named_only_where_there_are_several():
    gone = tf.errors.UnavailableError(None, None, "cluster check alive failed\nmore")
    with pytest.raises(WorkerLostError, match=r"worker 1 of 3: .*cluster check alive failed\)"):
        fail(Devices(None, worker=1, workers=3), gone)
    with pytest.raises(tf.errors.UnavailableError):
        fail(ONE_DEVICE, gone)
    with pytest.raises(KeyError):
        fail(Devices(None, worker=1, workers=3), KeyError("other"))


def joining(addresses, **options):
    """A process that joins a cluster as worker 0 by the main command."""
    cluster = {"cluster": {"worker": addresses}, "task": FIRST}
    return subprocess.Popen(
        [sys.executable, "-m", "rnascl_tf", "--config=digits:smoke", "--workdir=run"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CONFIG": json.dumps(cluster)},
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_port_in_use_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        mine = f"127.0.0.1:{other.getsockname()[1]}"
        process = joining([mine, "127.0.0.1:1"], cwd=tmp_path)
        _, printed = process.communicate(timeout=120)
    assert process.returncode == 2, printed
    (line,) = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert "worker 0 of 2 cannot join the others (Could not start gRPC server)" in line
    assert "Traceback" not in printed


def test_a_worker_that_waits_for_the_others_can_be_stopped(tmp_path):
    """By Ctrl-C; SIGTERM is TensorFlow's until all have come, and there is nothing to save before."""
    process = joining([f"127.0.0.1:{port}" for port in free_ports(2)], cwd=tmp_path)
    for line in process.stderr:
        if "waiting for 2 workers" in line:
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert list(tmp_path.iterdir()) == []
