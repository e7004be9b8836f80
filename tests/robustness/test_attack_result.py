"""Results in a record: today's fields in today's order, older records too."""

from rnascl_tf.robustness import Accuracy, AttackResult, results_from_json

PGD = AttackResult(Accuracy(17, 40), 8 / 255, 20, "l2", "pixel", seed=3, seconds=1.5)


def test_fields_of_the_record():
    assert PGD.to_json() == {
        **Accuracy(17, 40).to_json(),
        "epsilon": 8 / 255,
        "steps": 20,
        "norm": "l2",
        "space": "pixel",
        "seed": 3,
        "seconds": 1.5,
    }
    assert list(PGD.to_json())[:6] == ["accuracy", "n", "interval", "epsilon", "steps", "norm"]


def test_reads_back_as_it_was():
    cascade = AttackResult(
        Accuracy(5, 40),
        0.1,
        9,
        "linf",
        "normalized",
        seed=0,
        seconds=2.0,
        budget="quick",
        members={"apgd-ce": Accuracy(6, 40), "square": Accuracy(5, 40)},
    )
    for result in (PGD, cascade):
        assert AttackResult.from_json(result.to_json()) == result
    assert cascade.to_json()["attacks"] == {"apgd-ce": 0.15, "square": 0.125}


def test_a_record_that_does_not_name_the_norm_is_of_linf():
    values = PGD.to_json()
    for name in ("norm", "seed", "seconds"):
        del values[name]
    found = results_from_json({"student": {"pgd20": values}})["student"]["pgd20"]
    assert (found.norm, found.seed, found.seconds) == ("linf", None, None)
    assert found.accuracy == PGD.accuracy
