"""The graph of an attack is what decides its computation, and nothing else."""

import dataclasses

import numpy as np
import pytest

from rnascl_tf.robustness.attacks.apgd import APGD_CE, Ascent
from rnascl_tf.robustness.attacks.apgd_targeted import APGD_T
from rnascl_tf.robustness.attacks.carlini_wagner_l2 import CARLINI_WAGNER_L2, ConstantSearch
from rnascl_tf.robustness.attacks.fab import FAB_T, FabPath
from rnascl_tf.robustness.attacks.gradient_steps import BIM, FGSM, PGD20, GradientPath, pgd
from rnascl_tf.robustness.logits_function import BlackBoxFunction
from rnascl_tf.robustness.threat_model import RobustnessError, ThreatModel

GRAPHS = [
    (APGD_CE, Ascent),
    (APGD_T, Ascent),
    (CARLINI_WAGNER_L2, ConstantSearch),
    (FAB_T, FabPath),
    (PGD20, GradientPath),
]
IDS = [attack.name for attack, _ in GRAPHS]


@pytest.mark.parametrize(("attack", "graph_class"), GRAPHS, ids=IDS)
def test_names_do_not_change_the_graph_and_its_own_fields_do(attack, graph_class):
    graph = attack.graph()
    assert type(graph) is graph_class
    assert hash(graph) == hash(dataclasses.replace(attack, name="other").graph())
    assert graph == dataclasses.replace(attack, name="other").graph()
    changes = {"random_start": False} if attack is PGD20 else {"steps": 2 * attack.steps}
    assert graph != dataclasses.replace(attack, **changes).graph()


def test_restarts_targets_and_steps_along_a_gradient_share_a_graph():
    assert pgd("pgd20x7", 20, 7).graph() == pgd("pgd100", 100).graph() == PGD20.graph()
    assert FGSM.graph() == BIM.graph() != PGD20.graph()
    assert dataclasses.replace(FAB_T, targets=2).graph() == FAB_T.graph()
    assert APGD_T.graph() != APGD_CE.graph()


@pytest.mark.parametrize(("attack", "_"), GRAPHS, ids=IDS)
def test_a_black_box_has_no_graph(attack, _):
    box = BlackBoxFunction(lambda images: np.zeros((len(images), 5), np.float32))
    images = np.full((2, 5, 7, 3), 0.5, np.float32)
    with pytest.raises(RobustnessError, match=f"{attack.name} needs gradients"):
        attack.run_graph(box, ThreatModel(0.1), images, np.zeros(2, np.int64))
