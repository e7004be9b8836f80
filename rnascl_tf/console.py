"""Where tables go, times as people say them, and progress bars for work that Keras' do not reach."""

import contextlib
from collections.abc import Callable, Iterator

import rich.console
import rich.measure
import rich.progress
import rich.table
from absl import logging

console = rich.console.Console(highlight=False)


@contextlib.contextmanager
def progress(title: str, unit: str = "images") -> Iterator[Callable[[str, int, int], None]]:
    """Yields a function on_batch(task, done, total) that draws a bar with the remaining time.

    Args:
        title: of the work; the task's name is written after it.
        unit: of `done` and `total`.
    """
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(elapsed_when_finished=True),
    )
    # Without a terminal a bar would print nothing until the end, and then all at once.
    with rich.progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, rich.progress.TaskID] = {}

        def on_batch(task: str, done: int, total: int) -> None:
            if task not in tasks:
                tasks[task] = bar.add_task(f"{title}: {task}", total=total)
            bar.update(tasks[task], completed=done)
            if not console.is_terminal and done >= total:
                console.print(f"{title}: {task} done, {total} {unit}")

        yield on_batch


def duration(seconds: float) -> str:
    """Returns a time as people say it: 1.5 s, 40 s, 12 min, 3 h 20 min."""
    if 0.05 <= seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def print_whole(table: rich.table.Table) -> None:
    """Prints a table without cutting its columns, however narrow the terminal is."""
    options = console.options.update(width=1000)
    needed = rich.measure.Measurement.get(console, options, table).maximum
    # A console cannot print wider than itself.
    wide = rich.console.Console(highlight=False, width=max(console.width, needed))
    wide.print(table)


def be_quiet() -> None:
    """Leaves the console to another process that prints the same; errors are still shown."""
    logging.set_verbosity(logging.ERROR)
    console.quiet = True
