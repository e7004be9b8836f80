"""Where tables go, and progress bars for work that Keras' own do not reach."""

import contextlib

import rich.console
import rich.measure
import rich.progress

console = rich.console.Console(highlight=False)


@contextlib.contextmanager
def progress(title, unit="images"):
    """Yields a function on_batch(task, done, total) that draws a bar with the remaining time.

    Args:
        title: what is going on; the task's name is written behind it.
        unit: what done and total count.
    """
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(elapsed_when_finished=True),
    )
    # Without a terminal a bar would print nothing until the end, and then all at once.
    with rich.progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks = {}

        def on_batch(task, done, total):
            if task not in tasks:
                tasks[task] = bar.add_task(f"{title}: {task}", total=total)
            bar.update(tasks[task], completed=done)
            if not console.is_terminal and done >= total:
                console.print(f"{title}: {task} done, {total} {unit}")

        yield on_batch


def print_whole(table):
    """Prints a table without cutting its columns, however narrow the terminal is."""
    options = console.options.update(width=1000)
    needed = rich.measure.Measurement.get(console, options, table).maximum
    # A console cannot print wider than itself.
    wide = rich.console.Console(highlight=False, width=max(console.width, needed))
    wide.print(table)
