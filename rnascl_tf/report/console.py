"""Where tables go, and progress bars for work that Keras' own do not reach."""

import contextlib

import rich.console
import rich.progress

console = rich.console.Console(highlight=False)


@contextlib.contextmanager
def progress(title):
    """Yields a function on_batch(task, done, total) that draws a bar with the remaining time.

    Args:
        title: what is going on; the task's name is written behind it.
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
                console.print(f"{title}: {task} done, {total} images")

        yield on_batch
