"""What a search believes after each epoch: softmax(v) of tutors and filters (paper, section 3).

The file `DIR/search/diagnostics.npz` is described at `SearchDiagnostics`, array by array. It is whole
at any time, like `history.csv`, and correct after a resume.
"""

import dataclasses
from pathlib import Path

import keras
import numpy as np

from rnascl_tf.errors import UserError
from rnascl_tf.files import ArrayFileError, read_arrays, write_arrays
from rnascl_tf.networks import channel_masks
from rnascl_tf.training.loop.logs import Logs
from rnascl_tf.training.search.model import SearchModel


class DiagnosticsError(UserError):
    """A `diagnostics.npz` that is damaged or of another search; the message is one line."""


@dataclasses.dataclass(frozen=True, eq=False)
class SearchDiagnostics:
    """The probabilities of a search over its E epochs; the arrays of the file under the same names.

    A search that does not choose tutors (a control) has n_s = n_t = 0.

    Attributes:
        epoch: int64 [E], counted from 0 as in `history.csv`, increasing.
        tutors: float32 [E, n_s, n_t]; each row is a student layer's softmax over teacher layers.
        filters: float32 [E, blocks, most choices]; a block with fewer choices ends in NaN.
        choices: int64 [blocks, most choices], numbers of filters, widest first; ends in 0.
        student_layers: fixed-width unicode [n_s], in order of depth.
        teacher_layers: fixed-width unicode [n_t], in order of depth.
        blocks: fixed-width unicode [blocks], names of the supernet's blocks in order of depth.
    """

    epoch: np.ndarray
    tutors: np.ndarray
    filters: np.ndarray
    choices: np.ndarray
    student_layers: np.ndarray
    teacher_layers: np.ndarray
    blocks: np.ndarray

    def before(self, epoch: int) -> "SearchDiagnostics":
        """Returns the diagnostics of the epochs before `epoch`."""
        kept = self.epoch < epoch
        return dataclasses.replace(
            self, epoch=self.epoch[kept], tutors=self.tutors[kept], filters=self.filters[kept]
        )

    def followed_by(self, later: "SearchDiagnostics") -> "SearchDiagnostics":
        """Returns these epochs and those of `later`, which is of the same search."""
        joined: dict[str, np.ndarray] = {
            name: np.concatenate([getattr(self, name), getattr(later, name)])
            for name in ("epoch", "tutors", "filters")
        }
        return dataclasses.replace(self, **joined)

    def same_search(self, other: "SearchDiagnostics") -> bool:
        """Returns whether another file's layers, blocks and choices are these."""
        names = ("student_layers", "teacher_layers", "blocks", "choices")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)


def current_diagnostics(model: SearchModel, epoch: int) -> SearchDiagnostics:
    """Returns what a search believes now, as the diagnostics of one epoch.

    Args:
        model: the search.
        epoch: its number, from 0.
    """
    masks = channel_masks(model.supernet)
    most = max(len(mask.filters) for mask in masks)
    filters = np.full((1, len(masks), most), np.nan, np.float32)
    choices = np.zeros((len(masks), most), np.int64)
    for row, mask in enumerate(masks):
        filters[0, row, : len(mask.filters)] = mask.gumbel.probabilities()[0]
        choices[row, : len(mask.filters)] = mask.filters
    student_layers: tuple[str, ...] = ()
    teacher_layers: tuple[str, ...] = ()
    tutors = np.zeros((0, 0), np.float32)
    if model.tutors is not None:
        student_layers, teacher_layers = model.student_layers, model.signals.teacher_layers
        tutors = np.asarray(model.tutors.probabilities())
    return SearchDiagnostics(
        epoch=np.array([epoch], np.int64),
        tutors=tutors[None],
        filters=filters,
        choices=choices,
        student_layers=np.array(student_layers, np.str_),
        teacher_layers=np.array(teacher_layers, np.str_),
        blocks=np.array([mask.name.removesuffix("_mask") for mask in masks], np.str_),
    )


def read_diagnostics(path: Path) -> SearchDiagnostics:
    """Returns the diagnostics of a `diagnostics.npz`.

    Raises:
        DiagnosticsError: the file is damaged, or its arrays do not fit together.
        OSError: it cannot be opened.
    """
    names = [field.name for field in dataclasses.fields(SearchDiagnostics)]
    try:
        arrays = read_arrays(path)
        diagnostics = SearchDiagnostics(**{name: arrays[name] for name in names})
    except (ArrayFileError, KeyError) as error:
        raise DiagnosticsError(
            f"{path} is damaged ({error}): remove it; the search continues without its past."
        ) from error
    _check_shapes(path, diagnostics)
    return diagnostics


def _check_shapes(path: Path, diagnostics: SearchDiagnostics) -> None:
    # Sizes, not lengths: an array without axes has none.
    epochs, blocks = diagnostics.epoch.size, diagnostics.blocks.size
    choices = diagnostics.choices.size // max(blocks, 1)
    wanted = {
        "epoch": (epochs,),
        "student_layers": (diagnostics.student_layers.size,),
        "teacher_layers": (diagnostics.teacher_layers.size,),
        "blocks": (blocks,),
        "tutors": (epochs, diagnostics.student_layers.size, diagnostics.teacher_layers.size),
        "filters": (epochs, blocks, choices),
        "choices": (blocks, choices),
    }
    for name, shape in wanted.items():
        found = getattr(diagnostics, name).shape
        if found != shape:
            raise DiagnosticsError(
                f"{path} holds {name} of shape {list(found)}, wanted {list(shape)}: remove it; "
                "the search continues without its past."
            )


def write_diagnostics(diagnostics: SearchDiagnostics, path: Path) -> None:
    """Writes a `SearchDiagnostics` compressed and atomically; it loads without pickle."""
    fields = dataclasses.fields(diagnostics)
    write_arrays(path, {field.name: getattr(diagnostics, field.name) for field in fields})


class DiagnosticsLog(keras.callbacks.Callback):
    """Appends the epoch's probabilities to `diagnostics.npz`.

    A resumed search keeps the epochs before the one it resumes at; the others are done again.

    Args:
        path: of the file; its folder exists.

    Raises:
        DiagnosticsError: at the start of training, if the file there is damaged or of a search of
            other layers.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._past: SearchDiagnostics | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Reads what an interrupted search has written."""
        if not self.path.exists():
            return
        self._past = read_diagnostics(self.path)
        if not self._past.same_search(current_diagnostics(self.model, epoch=0)):
            raise DiagnosticsError(
                f"{self.path} is of a search with other layers or choices: remove it, or give "
                "another --workdir."
            )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Rewrites the file with this epoch at its end."""
        now = current_diagnostics(self.model, epoch)
        if self._past is not None:
            now = self._past.before(epoch).followed_by(now)
        write_diagnostics(now, self.path)
        self._past = now
