"""One worker alone agrees with itself. Several are tested in tests/commands/test_launch.py."""

import tensorflow as tf

from rnascl_tf.runtime.workers import workers_of


def test_one_worker_decides_alone():
    for strategy in (None, tf.distribute.get_strategy()):
        workers = workers_of(strategy)
        assert workers is workers_of(strategy)
        assert workers.any_of(True, False) == [True, False]
        assert workers.agree(7, 3)
        workers.wait_for_all()
