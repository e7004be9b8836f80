from .branching import branch as branch
from .estimate import dry_run as dry_run
from .execution import execute as execute
from .order import STAGES as STAGES
from .order import select as select
from .settings import check as check
