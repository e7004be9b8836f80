"""The flags that say which devices share a batch."""

from collections.abc import Sequence

from rnascl_tf.command_line.command_flags import CommandFlags
from rnascl_tf.runtime.strategy_names import STRATEGIES


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
