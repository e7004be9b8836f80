"""Projection of a point onto a hyperplane inside a box (Croce and Hein, 2020, arXiv 1907.02044).

The smallest change c with <w, c> = r and low <= p + c <= high, in the L-inf or the L2 norm. With the
sign of w chosen so that r >= 0, and m_i the room that p_i has in the direction of w_i, it is
    L-inf: |c_i| = min(s, m_i)           L2: |c_i| = min(s |w_i|, m_i)
for the one number s >= 0 at which g(s) = sum_i |w_i| |c_i| equals r. The paper sorts the values of s
at which the coordinates meet the box, here called corners. Since g is increasing, concave and
piecewise linear, Newton's method from s = 0 finds the same exact solution without sorting: no step
passes it, and each step reaches it or passes at least one more corner.
"""

import tensorflow as tf


def smallest_change(
    points: tf.Tensor,
    normals: tf.Tensor,
    rises: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
    norm: str,
) -> tf.Tensor:
    """Returns the smallest change that brings each point onto its hyperplane without leaving the box.

    Computed in float64: with float32 sums over an image's pixels, the result would miss the hyperplane
    by more than the length of a search's last steps.

    Args:
        points: float [n, d], inside the box.
        normals: [n, d], the hyperplanes' normal vectors w, of any length.
        rises: [n], r = <w, z - p> for any z on the hyperplane; for {z: <w, z> + b = 0} that is
            -(<w, p> + b).
        low: lower ends of the box; they broadcast to the points.
        high: upper ends of the box.
        norm: "linf" or "l2".

    Returns:
        c, float64 [n, d]; p + c is inside the box up to rounding. If the hyperplane misses the box, c
        leads to the point of the box nearest to it; coordinates with w_i = 0 do not change.
    """
    points, normals, rises, low, high = (
        tf.cast(values, tf.float64) for values in (points, normals, rises, low, high)
    )
    directions = tf.where(rises[:, tf.newaxis] < 0.0, -tf.sign(normals), tf.sign(normals))
    slopes = tf.abs(normals)
    # At least zero: through the caller's rounding a point may lie just outside.
    room = tf.maximum(tf.where(directions > 0.0, high - points, points - low), 0.0)
    speeds = tf.ones_like(slopes) if norm == "linf" else slopes
    corners = tf.math.divide_no_nan(room, speeds)
    reached = _newton(tf.abs(rises), slopes * speeds, slopes * room, corners)
    # The same comparison as in the iteration; the product could round to less than the room.
    return directions * tf.where(corners <= reached, room, reached * speeds)


def _newton(
    rises: tf.Tensor, free_slopes: tf.Tensor, full_gains: tf.Tensor, corners: tf.Tensor
) -> tf.Tensor:
    """Solves g(s) = r; if r is larger than every g(s), returns any s beyond the last corner.

    Args:
        rises: [n], r >= 0.
        free_slopes: [n, d], what each coordinate adds to the slope of g before its corner.
        full_gains: [n, d], what it adds to g beyond its corner.
        corners: [n, d], the s at which it meets the box.

    Returns:
        s, [n, 1].
    """
    rises = rises[:, tf.newaxis]

    def step(reached: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        full = corners <= reached
        gain = tf.reduce_sum(tf.where(full, full_gains, 0.0), axis=1, keepdims=True)
        slope = tf.reduce_sum(tf.where(~full, free_slopes, 0.0), axis=1, keepdims=True)
        # The larger of both, so that rounding cannot undo a step. It also ends the iteration: when no
        # further corner is passed, the same number results again, to the last bit.
        following = tf.maximum(reached, tf.math.divide_no_nan(rises - gain, slope))
        return following, tf.reduce_any(following > reached)

    reached, _ = tf.while_loop(
        lambda _, moved: moved, step, (tf.zeros_like(rises), tf.constant(True))
    )
    return reached
