"""Projection of a point onto a hyperplane inside a box (Croce and Hein, 2020, arXiv 1907.02044).

The smallest change c with <w, c> = r and low <= p + c <= high, in the L-inf or the L2 norm. With the
sign of w chosen so that r >= 0, and m_i the room that p_i has in the direction of w_i, it is
    L-inf: |c_i| = min(s, m_i)           L2: |c_i| = min(s |w_i|, m_i)
for the one number s >= 0 that gives g(s) = sum_i |w_i| |c_i| the value r. The paper sorts the s at
which the coordinates meet the box. g rises, is concave and piecewise linear, so Newton's method from
s = 0 gets to the same exact solution without sorting: no step passes it, and each step ends either
at it or behind at least one more of these corners.
"""

import tensorflow as tf


def smallest_change(points, normals, rises, low, high, norm):
    """Returns the smallest change that brings each point onto its hyperplane without leaving the box.

    Computed in float64: float32 sums over the pixels of an image would miss the hyperplane by more
    than the last steps of a search are long.

    Args:
        points: float array or tensor [n, d], as all that follow; inside the box.
        normals: [n, d], the hyperplanes' normal vectors w, of any length.
        rises: [n], r = <w, z - p> for any z on the hyperplane; for {z: <w, z> + b = 0} that is
            -(<w, p> + b).
        low: lower corner of the box; it broadcasts to the points.
        high: upper corner.
        norm: "linf" or "l2".

    Returns:
        float64 [n, d], p + c within rounding of the box. Where the hyperplane misses the box, the
        change to the corner nearest to it; coordinates that it does not depend on stay.
    """
    points, normals, rises, low, high = (
        tf.cast(values, tf.float64) for values in (points, normals, rises, low, high)
    )
    directions = tf.where(rises[:, tf.newaxis] < 0.0, -tf.sign(normals), tf.sign(normals))
    slopes = tf.abs(normals)
    # Not below zero: the caller's rounding may leave a point just outside.
    room = tf.maximum(tf.where(directions > 0.0, high - points, points - low), 0.0)
    speeds = tf.ones_like(slopes) if norm == "linf" else slopes
    corners = tf.math.divide_no_nan(room, speeds)
    reached = _newton(tf.abs(rises), slopes * speeds, slopes * room, corners)
    # The comparison as in the iteration; a product could round to less than the room.
    return directions * tf.where(corners <= reached, room, reached * speeds)


def _newton(rises, free_slopes, full_gains, corners):
    """Solves g(s) = r; where r is above the reach of g, any s behind the last corner.

    Args:
        rises: [n], r >= 0.
        free_slopes: [n, d], what each coordinate adds to the slope of g before its corner.
        full_gains: [n, d], what it adds to g behind its corner.
        corners: [n, d], the s at which it meets the box.

    Returns:
        s, [n, 1].
    """
    rises = rises[:, tf.newaxis]

    def step(reached, _):
        full = corners <= reached
        gain = tf.reduce_sum(tf.where(full, full_gains, 0.0), axis=1, keepdims=True)
        slope = tf.reduce_sum(tf.where(~full, free_slopes, 0.0), axis=1, keepdims=True)
        # The larger of both, so that rounding cannot undo a step. It also ends the iteration: the
        # same coordinates behind their corners give the same number again, to the last bit.
        following = tf.maximum(reached, tf.math.divide_no_nan(rises - gain, slope))
        return following, tf.reduce_any(following > reached)

    reached, _ = tf.while_loop(
        lambda _, moved: moved, step, (tf.zeros_like(rises), tf.constant(True))
    )
    return reached
