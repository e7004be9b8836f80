from .record import Record as Record
from .record import RecordError as RecordError
