"""The flags that say which devices share a batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import logging

from rnascl_tf.command_line.command_flags import CommandFlags
from rnascl_tf.runtime.strategy_names import STRATEGIES

if TYPE_CHECKING:
    from rnascl_tf.runtime.devices import Devices


def add_device_flags(command: CommandFlags, strategies: Sequence[str] = STRATEGIES) -> None:
    """Adds `--strategy` and `--logical_cpus` to a command's flags."""
    command.choice(
        "strategy",
        "Devices that share a batch; auto takes the workers of TF_CONFIG, or all GPUs, or one device",
        strategies,
        "auto",
    )
    command.whole(
        "logical_cpus",
        "Split the CPU into this number of devices, to try --strategy=mirrored without GPUs.",
        0,
    )


def devices_of(asked: Any) -> "Devices":
    """Returns the `Devices` that the parsed flags ask for, and logs which they are.

    Raises:
        DevicesError: this machine does not have them.
    """
    from rnascl_tf.runtime.devices import choose_devices  # imports TensorFlow

    found = choose_devices(asked.strategy, asked.logical_cpus)
    if found.strategy is not None and found.is_chief:
        logging.info("devices: %s", found)
    return found
