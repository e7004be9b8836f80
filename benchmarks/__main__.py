"""`make bench`: runs all benchmarks, prints a table, writes `benchmarks/latest.json`."""

import argparse
import dataclasses
import importlib
from pathlib import Path

import rich.box
import rich.table

from rnascl_tf.console import console
from rnascl_tf.files import write_json

BENCHMARKS = (
    "search_step",
    "train_step",
    "pytorch_step",
    "fixed_views",
    "training_attack",
    "attacked_step",
    "teacher",
    "attack_speed",
    "demo",
)
OUT = Path(__file__).parent / "latest.json"


def main() -> None:
    """Runs the chosen benchmarks, all if none is named."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Runs benchmarks, prints a table of their ratios and writes it as JSON.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(BENCHMARKS)}"
    )
    parser.add_argument("--out", type=Path, default=OUT, help=f"the JSON file; default: {OUT.name}")
    asked = parser.parse_args()
    unknown = set(asked.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; give some of {', '.join(BENCHMARKS)}")
    # Imported here, so that --help does not wait for TensorFlow.
    modules = [importlib.import_module(f"benchmarks.{name}") for name in asked.names or BENCHMARKS]
    ratios = [ratio for module in modules for ratio in module.run()]
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    for column in ("name", "ratio", "quartiles", "target", "rounds", "baseline"):
        table.add_column(column)
    for ratio in ratios:
        table.add_row(
            ratio.name,
            f"{ratio.ratio:.2f}",
            f"{ratio.low:.2f} to {ratio.high:.2f}",
            f"{ratio.target:.2f}",
            str(ratio.rounds),
            ratio.baseline,
        )
    console.print(table)
    write_json(asked.out, [dataclasses.asdict(ratio) for ratio in ratios])
    console.print(f"Written to {asked.out}", soft_wrap=True)


if __name__ == "__main__":
    main()
