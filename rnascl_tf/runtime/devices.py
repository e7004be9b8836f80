"""Which devices share each batch: `--strategy` of every command, as a `tf.distribute` strategy.

One process drives the devices of one machine (MirroredStrategy); several machines run the same command,
each with its own TF_CONFIG (MultiWorkerMirroredStrategy, TensorFlow's "Multi-worker training with
Keras"). Must be chosen before TensorFlow has computed anything.
"""

import contextlib
import dataclasses
import json
import os
import re

import tensorflow as tf
from absl import logging

from rnascl_tf.errors import UserError
from rnascl_tf.runtime.stopping import unheard
from rnascl_tf.runtime.workers import workers_of

_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)

_ADDRESS = re.compile(r".+:\d{1,5}")

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")


class WorkerLostError(RuntimeError):
    """Another worker no longer answers; the message is one line."""


class DevicesError(UserError):
    """A strategy that this machine or its TF_CONFIG cannot give; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a command.

    Attributes:
        strategy: a `tf.distribute.Strategy` whose replicas share each batch; None for one device.
        worker: index of this process among the workers; the chief is 0.
        workers: number of worker processes.
    """

    strategy: tf.distribute.Strategy | None = None
    worker: int = 0
    workers: int = 1

    @property
    def replicas(self):
        """Number of copies of the model, over all workers."""
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    @property
    def is_chief(self):
        """Whether this process writes the files."""
        return self.worker == 0

    def scope(self):
        """Returns the context in which models and their variables are made."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    @contextlib.contextmanager
    def watching(self):
        """Turns what TensorFlow raises when a worker is gone into `WorkerLostError`."""
        try:
            yield
        except _LOST as error:
            if self.workers == 1:
                raise
            raise WorkerLostError(
                f"worker {self.worker} of {self.workers}: another worker no longer answers "
                f"({_first_words(error)}); start the same command again on all of them, "
                "it resumes."
            ) from error

    def wait_for_all(self):
        """Returns when every worker has come here; at once where there is one."""
        workers_of(self.strategy).wait_for_all()

    def __str__(self):
        if self.strategy is None:
            return "one device"
        name = type(self.strategy).__name__.removesuffix("V1")
        workers = f" of {self.workers} workers" if self.workers > 1 else ""
        return f"{self.replicas} replica(s){workers}, {name}"


ONE_DEVICE = Devices()


def choose_devices(name="auto", logical_cpus=0):
    """Returns the `Devices` of a `--strategy`.

    Args:
        name: one of `STRATEGIES`; "auto" takes several workers where TF_CONFIG names them, all GPUs
            where there are several, else one device.
        logical_cpus: split the CPU into so many devices, to try a strategy without GPUs; 0 leaves it.

    Raises:
        DevicesError: an unknown name, a TF_CONFIG that is none, or a strategy that is not possible.
    """
    if name not in STRATEGIES:
        raise DevicesError(f"unknown strategy {name!r}: give one of {', '.join(STRATEGIES)}.")
    workers, worker = _cluster()
    if name == "auto":
        name = "multi_worker" if workers > 1 else "mirrored" if _gpus() > 1 else "one_device"
    if workers > 1 and name != "multi_worker":
        raise DevicesError(
            f"--strategy={name} is for one machine, but TF_CONFIG names {workers} workers: give "
            "--strategy=multi_worker, or unset TF_CONFIG."
        )
    if logical_cpus and (name != "mirrored" or _gpus()):
        raise DevicesError(
            f"--logical_cpus={logical_cpus} is for --strategy=mirrored on a machine without GPUs, "
            f"this is {name} with {_gpus()}: leave it out."
        )
    _split_cpu(logical_cpus)
    if name == "one_device":
        return ONE_DEVICE
    if name == "multi_worker":
        if not workers:
            raise DevicesError(
                "--strategy=multi_worker needs TF_CONFIG with the addresses of all workers: set it, "
                "or try it here with rnascl launch --workers=2 -- ARGUMENTS."
            )
        if not worker:
            logging.info("devices: waiting for %d workers", workers)
        return Devices(_cluster_strategy(worker, workers), worker, workers)
    kind = "GPU" if _gpus() else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(names) == 1:
        logging.warning("--strategy=mirrored: there is one %s, nothing is shared", kind)
    return Devices(tf.distribute.MirroredStrategy(names))


def _cluster_strategy(worker, workers):
    try:
        # It waits for the others where no handler is called, and takes SIGTERM for itself.
        with unheard():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except (*_LOST, tf.errors.UnknownError, tf.errors.InvalidArgumentError) as error:
        raise DevicesError(
            f"worker {worker} of {workers} cannot join the others ({_first_words(error)}): are the "
            "addresses of TF_CONFIG HOST:PORT, is this port free, and do all the others run?"
        ) from error


def _first_words(error):
    """Returns the first line of TensorFlow's that says something."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.endswith(":")), "no reason")[:160]


def _gpus():
    return len(tf.config.list_physical_devices("GPU"))


def _split_cpu(count):
    if not count:
        return
    if count < 0:
        raise DevicesError(f"--logical_cpus={count} should be 0 or more.")
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError as error:
        raise DevicesError("--logical_cpus comes too late: TensorFlow has started.") from error


def _cluster():
    """Returns (workers, this one's index) by TF_CONFIG; (0, 0) without it."""
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return 0, 0
    wanted = '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": 0}}'
    try:
        config = json.loads(text)
        addresses = config["cluster"]["worker"]
        kind, index = config["task"]["type"], int(config["task"]["index"])
        others = set(config["cluster"]) - {"worker"}
    except (ValueError, KeyError, TypeError) as error:
        raise DevicesError(f"TF_CONFIG is {text[:80]!r}; wanted {wanted}.") from error
    if others or kind != "worker" or not isinstance(addresses, list):
        raise DevicesError(
            f"TF_CONFIG should name workers alone (worker 0 is the chief): wanted {wanted}."
        )
    wrong = [text for text in addresses if not _ADDRESS.fullmatch(str(text))]
    if wrong or len(set(addresses)) < len(addresses):
        raise DevicesError(
            f"TF_CONFIG names the workers {', '.join(map(str, addresses))[:200]}: wanted HOST:PORT, "
            "another one for each."
        )
    if not 0 <= index < len(addresses):
        raise DevicesError(
            f"TF_CONFIG: task index {index} is none of the {len(addresses)} workers (from 0)."
        )
    return len(addresses), index
