"""`make bench`: runs every benchmark, prints a table, writes `benchmarks/latest.json`."""

import dataclasses
from pathlib import Path

import rich.box
import rich.table

from benchmarks import attack_speed, demo, search_step, teacher, train_step
from rnascl_tf.console import console
from rnascl_tf.files import write_json

BENCHMARKS = (search_step, train_step, teacher, attack_speed, demo)


def main():
    """Runs all of them."""
    ratios = [ratio for benchmark in BENCHMARKS for ratio in benchmark.run()]
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
    path = Path(__file__).parent / "latest.json"
    write_json(path, [dataclasses.asdict(ratio) for ratio in ratios])
    console.print(f"Written to {path.name}", soft_wrap=True)


if __name__ == "__main__":
    main()
