from .branching import branch as branch
from .execution import execute as execute
from .order import STAGES as STAGES
from .order import select as select
from .preview import dry_run as dry_run
from .settings import check as check
