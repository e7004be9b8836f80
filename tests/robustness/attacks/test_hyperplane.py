import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog

from rnascl_tf.robustness.attacks.hyperplane import smallest_change

NORMS = ["linf", "l2"]
# One trace for all sizes that hypothesis thinks of.
_PROJECT = {
    norm: tf.function(
        lambda points, normals, rises, low, high, norm=norm: smallest_change(
            points, normals, rises, low, high, norm
        ),
        input_signature=[
            tf.TensorSpec(shape, tf.float64)
            for shape in ([None, None],) * 2 + ([None],) + ([],) * 2
        ],
    )
    for norm in NORMS
}


def projected(points, normals, rises, low=0.0, high=1.0, norm="linf"):
    return _PROJECT[norm](points, normals, rises, low, high).numpy()


def length(changes, norm):
    return np.linalg.norm(changes, ord=np.inf if norm == "linf" else 2, axis=-1)


def box_of_changes(point, low, high):
    return np.stack([low - point, high - point], axis=1)


def reach(point, normal, low=0.0, high=1.0):
    """Least and largest <w, c> of the changes that stay in the box."""
    ends = normal[:, None] * box_of_changes(point, low, high)
    return ends.min(axis=1).sum(), ends.max(axis=1).sum()


def exact_linf_length(point, normal, rise, low=0.0, high=1.0):
    """Minimises the largest |c_i| as a linear program in (c, largest)."""
    size = len(point)
    ones = np.ones((size, 1))
    answer = linprog(
        np.append(np.zeros(size), 1.0),
        A_ub=np.block([[np.eye(size), -ones], [-np.eye(size), -ones]]),
        b_ub=np.zeros(2 * size),
        A_eq=np.append(normal, 0.0)[None],
        b_eq=[rise],
        bounds=[*box_of_changes(point, low, high), (0, None)],
    )
    assert answer.success, answer.message
    return answer.fun


def exact_l2_change(point, normal, rise, low=0.0, high=1.0):
    """c = clip(lambda w) in the box, lambda by bracketing: the dual of the quadratic program."""
    lower, upper = box_of_changes(point, low, high).T

    def excess(multiplier):
        return normal @ np.clip(multiplier * normal, lower, upper) - rise

    largest = 2.0 / abs(normal[normal != 0.0]).min()
    return np.clip(
        brentq(excess, -largest, largest, xtol=1e-15, rtol=1e-14, maxiter=500) * normal,
        lower,
        upper,
    )


@st.composite
def feasible_problems(draw):
    """A point (corners included), a normal (zeros included) and a rise within its reach."""
    size = draw(st.integers(1, 13))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    point = np.round(generator.random(size) * 4) / 4 if draw(st.booleans()) else None
    point = generator.random(size) if point is None else point
    normal = generator.normal(size=size) * 10.0 ** generator.integers(-3, 2, size)
    normal[generator.random(size) < 0.2] = 0.0
    normal[0] = normal[0] or 1.0
    least, largest = reach(point, normal)
    share = draw(st.floats(0.0, 0.98))
    return point, normal, share * (largest if draw(st.booleans()) else least)


@settings(max_examples=60)
@given(feasible_problems())
def test_linf_is_as_short_as_the_linear_program(problem):
    point, normal, rise = problem
    change = projected(point[None], normal[None], [rise])[0]
    # 1e-9: HiGHS' own tolerance is 1e-7 on rows scaled to 1.
    scale = abs(normal).sum()
    assert abs(normal @ change - rise) <= 1e-12 * scale
    assert length(change, "linf") == pytest.approx(
        exact_linf_length(point, normal / scale, rise / scale), abs=1e-6
    )


@settings(max_examples=60)
@given(feasible_problems())
def test_l2_is_the_solution_of_the_quadratic_program(problem):
    point, normal, rise = problem
    change = projected(point[None], normal[None], [rise], norm="l2")[0]
    assert abs(normal @ change - rise) <= 1e-12 * abs(normal).sum()
    # Only to 1e-7: next to a zero slope the multiplier, and with it small |w_i|, is ill-determined.
    np.testing.assert_allclose(change, exact_l2_change(point, normal, rise), rtol=0, atol=1e-7)


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), share=st.floats(-3.0, 3.0))
@example(seed=0, share=0.0)
@example(seed=0, share=1.0)
def test_invariants(norm, seed, share):
    generator = np.random.default_rng(seed)
    points = generator.random((3, 17))
    normals = generator.normal(size=(3, 17))
    limits = np.array([reach(*row) for row in zip(points, normals, strict=True)])
    rises = share * limits[:, 1] if share >= 0.0 else -share * limits[:, 0]
    changes = projected(points, normals, rises, norm=norm)
    moved = points + changes
    assert moved.min() >= -1e-15
    assert moved.max() <= 1.0 + 1e-15
    # As near as the box allows.
    expected = np.clip(rises, limits[:, 0], limits[:, 1])
    np.testing.assert_allclose((normals * changes).sum(axis=1), expected, rtol=0, atol=1e-12)
    # No coordinate moves the wrong way.
    assert (changes * normals * np.sign(rises)[:, None] >= 0.0).all()
    # The hyperplane is the same for a normal of another length.
    np.testing.assert_allclose(
        projected(points, 1e-20 * normals, 1e-20 * rises, norm=norm), changes, rtol=0, atol=1e-12
    )
    # Of other points of box and hyperplane none is nearer.
    others = generator.random(points.shape) - points
    gap = expected - (normals * others).sum(axis=1)
    others = others + projected(np.clip(points + others, 0, 1), normals, gap, norm=norm)
    assert (length(changes, norm) <= length(others, norm) + 1e-12).all()


@pytest.mark.parametrize("norm", NORMS)
def test_hyperplanes_beyond_the_box_give_its_nearest_corner(norm):
    point = np.array([0.25, 0.5, 0.75, 0.3, 0.0])
    normal = np.array([1.0, -2.0, 3.0, 0.0, 1e-6])
    changes = projected([point, point], [normal, normal], [100.0, -100.0], norm=norm)
    # The fourth coordinate plays no part and stays.
    np.testing.assert_array_equal(
        point + changes, [[1.0, 0.0, 1.0, 0.3, 1.0], [0.0, 1.0, 0.0, 0.3, 0.0]]
    )


@pytest.mark.parametrize("norm", NORMS)
def test_no_normal_and_no_distance_give_no_change(norm):
    points = np.array([[0.25, 0.5, 1.0]] * 2)
    changes = projected(points, [[0.0, 0.0, 0.0], [1.0, -2.0, 3.0]], [0.5, 0.0], norm=norm)
    np.testing.assert_array_equal(changes, np.zeros((2, 3)))


def test_lengths_known_by_hand():
    # Without active bounds r / |w|_1 and r / |w|_2; then the first coordinate meets the box at 0.1.
    point, normal = [[0.5, 0.5]], [[3.0, -4.0]]
    np.testing.assert_allclose(projected(point, normal, [0.7]), [[0.1, -0.1]], rtol=1e-15)
    np.testing.assert_allclose(
        projected(point, normal, [0.5], norm="l2"), [[0.06, -0.08]], rtol=1e-15
    )
    point = [[0.9, 0.5]]
    np.testing.assert_allclose(projected(point, normal, [1.1]), [[0.1, -0.2]], rtol=1e-14)
    np.testing.assert_allclose(
        projected(point, normal, [1.5], norm="l2"), [[0.1, -0.3]], rtol=1e-14
    )


def test_other_bounds_per_point():
    point, normal, low, high = np.array([[[0.3, 3.0]], [[1.0, 1.0]], [[0.2, 0.0]], [[0.4, 4.0]]])
    changes = smallest_change(point, normal, np.array([0.5]), low, high, "linf")
    np.testing.assert_allclose(changes, [[0.1, 0.4]], rtol=1e-14)


@pytest.mark.parametrize("norm", NORMS)
def test_companions_do_not_matter(norm):
    # One row whose corners lie on a geometric scale takes many more steps than the others.
    generator = np.random.default_rng(5)
    points = generator.random((4, 31))
    normals = generator.normal(size=(4, 31))
    points[0] = 1.0 - 0.5 ** np.arange(31)
    normals[0] = 2.0 ** np.arange(31)
    rises = np.array([0.99 * reach(points[0], normals[0])[1], 0.3, -0.7, 50.0])
    together = projected(points, normals, rises, norm=norm)
    alone = [
        projected(points[row : row + 1], normals[row : row + 1], rises[row : row + 1], norm=norm)[0]
        for row in range(4)
    ]
    # Sums over a batch of another shape may be taken in another order.
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-14)
    assert normals[0] @ together[0] == pytest.approx(rises[0], rel=1e-14)


@pytest.mark.parametrize("norm", NORMS)
def test_float32_images_land_on_the_hyperplane_in_high_dimension(norm):
    # In float32 the sums over 6,000 pixels alone err by about 1e-4.
    generator = np.random.default_rng(2)
    points = generator.random((3, 6007), np.float32)
    normals = generator.normal(size=points.shape).astype(np.float32)
    rises = np.array([1e-3, 200.0, 1500.0], np.float32)
    changes = smallest_change(points, normals, rises, 0.0, 1.0, norm).numpy()
    np.testing.assert_allclose((changes * normals).sum(axis=1), rises, rtol=1e-12, atol=1e-12)
