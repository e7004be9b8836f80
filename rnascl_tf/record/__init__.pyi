from .provenance import describe_environment as describe_environment
from .provenance import git_commit as git_commit
from .provenance import hardware as hardware
from .provenance import timestamp as timestamp
from .provenance import versions as versions
from .record import Record as Record
from .record import RecordError as RecordError
from .timed_device import TimedDevice as TimedDevice
