"""Which devices share each batch: the flag `--strategy` as a `tf.distribute` strategy.

One process drives all devices of one machine (MirroredStrategy). For several machines, each runs the
same command with its own TF_CONFIG (MultiWorkerMirroredStrategy; see TensorFlow's tutorial
"Multi-worker training with Keras"). Choose the devices before TensorFlow computes anything.
"""

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager

import tensorflow as tf
from absl import logging

from rnascl_tf.runtime.errors import DevicesError, WorkerLostError
from rnascl_tf.runtime.stopping import default_signal_handlers
from rnascl_tf.runtime.strategy_names import STRATEGIES
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


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a command.

    Attributes:
        strategy: its replicas share each batch; None for one device.
        worker: index of this process among the workers; worker 0 is the chief.
        workers: number of worker processes.
    """

    strategy: tf.distribute.Strategy | None = None
    worker: int = 0
    workers: int = 1

    @property
    def replicas(self) -> int:
        """Number of copies of the model, over all workers."""
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the files."""
        return self.worker == 0

    def scope(self) -> AbstractContextManager[object]:
        """Returns the context in which to create models and their variables."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Raises `WorkerLostError` for each of TensorFlow's errors that mean a lost worker."""
        try:
            yield
        except _LOST as error:
            if self.workers == 1:
                raise
            raise WorkerLostError(
                f"worker {self.worker} of {self.workers}: another worker no longer answers "
                f"({_first_words(error)}); start the same command again on all of them to resume."
            ) from error

    def wait_for_all(self) -> None:
        """Waits until every worker has arrived here."""
        workers_of(self.strategy).wait_for_all()

    def __str__(self) -> str:
        if self.strategy is None:
            return "one device"
        name = type(self.strategy).__name__.removesuffix("V1")
        workers = f" of {self.workers} workers" if self.workers > 1 else ""
        return f"{self.replicas} replica(s){workers}, {name}"


ONE_DEVICE = Devices()


def choose_devices(name: str = "auto", logical_cpus: int = 0) -> Devices:
    """Returns the devices for a value of `--strategy`.

    Args:
        name: one of `STRATEGIES`; "auto" means all workers if TF_CONFIG names several, else all GPUs
            if there are several, else one device.
        logical_cpus: number of devices to split the CPU into, to try a strategy without GPUs; 0
            leaves it whole.

    Raises:
        DevicesError: an unknown name, a malformed TF_CONFIG, or a strategy that is not possible here.
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
            f"--logical_cpus={logical_cpus} is for --strategy=mirrored on a machine without GPUs; "
            f"here the strategy is {name} and there are {_gpus()} GPUs: leave it out."
        )
    _split_cpu(logical_cpus)
    if name == "one_device":
        return ONE_DEVICE
    found = _several_devices(name, worker, workers)
    if found.is_chief:
        logging.info("devices: %s", found)
    return found


def _several_devices(name: str, worker: int, workers: int) -> Devices:
    if name == "multi_worker":
        if not workers:
            raise DevicesError(
                "--strategy=multi_worker needs TF_CONFIG with the addresses of all workers: set it, or "
                "try several workers on this machine with rnascl launch --workers=2 -- ARGUMENTS."
            )
        if not worker:
            logging.info("devices: waiting for %d workers", workers)
        return Devices(_cluster_strategy(worker, workers), worker, workers)
    kind = "GPU" if _gpus() else "CPU"
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(names) == 1:
        logging.warning("--strategy=mirrored: there is only one %s, so nothing is shared", kind)
    return Devices(tf.distribute.MirroredStrategy(names))


def _cluster_strategy(worker: int, workers: int) -> tf.distribute.Strategy:
    try:
        # It waits for the others in C++, where Python's handlers are not called, and sets its own for
        # SIGTERM.
        with default_signal_handlers():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except (*_LOST, tf.errors.UnknownError, tf.errors.InvalidArgumentError) as error:
        raise DevicesError(
            f"worker {worker} of {workers} cannot join the others ({_first_words(error)}): check that "
            "TF_CONFIG's addresses are HOST:PORT, that this port is free, and that all others run."
        ) from error


def _first_words(error: Exception) -> str:
    """Returns the first line of TensorFlow's message that says something."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.endswith(":")), "no reason given")[
        :160
    ]


def _gpus() -> int:
    return len(tf.config.list_physical_devices("GPU"))


def _split_cpu(count: int) -> None:
    if not count:
        return
    if count < 0:
        raise DevicesError(f"--logical_cpus={count} must be 0 or more.")
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError as error:
        raise DevicesError("--logical_cpus comes too late: TensorFlow has started.") from error


def _cluster() -> tuple[int, int]:
    """Reads TF_CONFIG: (number of workers, index of this one); (0, 0) without it."""
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
            f"TF_CONFIG must name only workers (worker 0 is the chief): wanted {wanted}."
        )
    wrong = [text for text in addresses if not _ADDRESS.fullmatch(str(text))]
    if wrong or len(set(addresses)) < len(addresses):
        raise DevicesError(
            f"TF_CONFIG names the workers {', '.join(map(str, addresses))[:200]}: wanted HOST:PORT, "
            "a different one for each."
        )
    if not 0 <= index < len(addresses):
        raise DevicesError(
            f"TF_CONFIG: there is no worker {index}; the {len(addresses)} workers count from 0."
        )
    return len(addresses), index
