"""B7: the Kalman filter against least squares, closed forms and gaps; the Ornstein-Uhlenbeck fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from candle_feed import fields, same, walk

from tickerml.tape.rows import DAY, HOUR, MINUTE

NAN = math.nan


def motion(t):
    """Transition and noise of position, velocity and acceleration over time `t`, white jerk of density 1."""
    f = np.array([[1, t, t * t / 2], [0, 1, t], [0, 0, 1]])
    q = np.array([[t**5 / 20, t**4 / 8, t**3 / 6], [t**4 / 8, t**3 / 3, t**2 / 2], [t**3 / 6, t**2 / 2, t]])
    return f, q


def batch(z, times, q):
    """State and covariance at the last time by generalised least squares over all states at once: no recursion."""
    n = len(z)
    h = np.zeros((n, 3 * n))
    h[np.arange(n), 3 * np.arange(n)] = 1
    precision = h.T @ h
    right = h.T @ z
    precision[[1, 2], [1, 2]] += 1e-10  # what is not known at the start has variance 1e10
    for k in range(1, n):
        f, noise = motion(times[k] - times[k - 1])
        d = np.zeros((3, 3 * n))
        d[:, 3 * k : 3 * k + 3], d[:, 3 * k - 3 : 3 * k] = np.eye(3), -f
        precision += d.T @ np.linalg.inv(q * noise) @ d
    covariance = np.linalg.inv(precision)
    return (covariance @ right)[-3:], covariance[-3:, -3:]


@pytest.mark.parametrize(("n", "seed"), [(4, 1), (10, 2)])
def test_kalman_is_least_squares_over_all_states(n, seed):
    """With holes in the source: a bar without prints is no observation, and time passes by the clock."""
    table = walk(seed, 60, step=HOUR, flat=0.2)
    table["open_time"][30:] += 3 * HOUR
    got = fields("kalman", table, n=n)
    seen = [0] + [k for k in range(1, 60) if table["volume"][k] or table["high"][k] != table["low"][k]]
    times = (table["open_time"] / HOUR - table["open_time"][0] / HOUR) / n
    days = n / 24
    for k in [k for k in seen if k >= 20]:
        past = [m for m in seen if m <= k]
        z = np.log(table["close"][past].astype(float))
        (x, v, a), _ = batch(z - z[0], times[past], 1 / n)
        assert got["kalman_price"][k] == pytest.approx(math.exp(x + z[0]) * 0.5, rel=1e-6)
        assert got["kalman_velocity"][k] == pytest.approx(v / days, rel=1e-3, abs=1e-5)
        assert got["kalman_acceleration"][k] == pytest.approx(a / days**2, rel=1e-3, abs=1e-4)
    assert len(seen) < 55


class Textbook:
    """The filter with matrices, in the form of Kalman's paper rather than Joseph's."""

    def __init__(self, n, unit):
        self.n, self.unit = n, unit
        self.seen = 0

    def observe(self, z, time):
        if self.seen == 0 or (time - self.time) / self.unit > 10:
            self.x, self.p, self.seen, self.scale = np.array([z, 0, 0]), np.diag([1, 1e10, 1e10]), 1, 0.0
        else:
            f, q = motion((time - self.time) / self.unit)
            x, p = f @ self.x, f @ self.p @ f.T + q / self.n
            variance, missed = p[0, 0] + 1, z - x[0]
            self.x, self.p = x + p[:, 0] / variance * missed, p - np.outer(p[:, 0], p[0]) / variance
            self.seen += 1
            if self.seen > 3:
                self.scale += (missed**2 / variance - self.scale) / min(self.seen - 3, 4 * self.n)
        self.time = time


@pytest.mark.parametrize(("n", "seed"), [(5, 3), (20, 4), (200, 5)])
def test_kalman_is_the_textbook(n, seed):
    table = walk(seed, 1500, flat=0)
    table["open_time"][700:] += 40 * 5 * MINUTE
    table["open_time"][1000:] += 11 * n * 5 * MINUTE  # too long to go on
    got = fields("kalman", table, n=n)
    oracle, days = Textbook(n, n * 5 * MINUTE), n / 288
    wanted = {name: [] for name in got}
    for bar in table:
        oracle.observe(math.log(bar["close"]), int(bar["open_time"]))
        known = oracle.seen >= n
        error = math.sqrt(oracle.scale * oracle.p[1, 1]) if known else NAN
        v, a = oracle.x[1:]
        row = (math.exp(oracle.x[0]) * 0.5, v / days, a / days**2, error / days, abs(v) / error)
        for name, value in zip(wanted, row, strict=True):
            wanted[name].append(value if known else NAN)
    for name, column in wanted.items():
        scale = float(np.nanmax(np.abs(column)))
        same(got[name][n + 50 :], column[n + 50 :], rtol=1e-6, atol=1e-7 * scale)  # the start cancels 1e10 away
    assert np.isnan(got["kalman_snr"][1000 : 1000 + n - 1]).all()


def test_kalman_with_hardly_any_jerk_is_a_parabola_by_least_squares():
    """Closed form: the stiffer the model, the nearer are v and its error to a regression on 1, t and t^2 / 2."""
    table, n = walk(6, 100, step=HOUR, flat=0), 1000
    k = np.arange(100)
    noise = np.random.default_rng(6).normal(0, 1e-3, 100)
    table["close"] = np.rint(1e9 * np.exp(1e-4 * k + 2e-6 * k**2 + noise))
    table["high"], table["low"] = table["close"] + 1, table["close"] - 1
    z, t = np.log(table["close"]), (k - 99) / 24  # in days
    design = np.column_stack([np.ones(100), t, t * t / 2])
    state = np.linalg.solve(design.T @ design, design.T @ z)
    got = {name: column[-1] for name, column in fields("kalman", table, n=100).items()}
    assert got["kalman_price"] == pytest.approx(math.exp(state[0]) * 0.5, rel=1e-4)
    assert got["kalman_velocity"] == pytest.approx(state[1], rel=0.1)
    error = math.sqrt(((z - design @ state) ** 2).sum() / 97 * np.linalg.inv(design.T @ design)[1, 1])
    assert got["kalman_velocity_error"] == pytest.approx(error, rel=0.35)
    assert all(np.isnan(c).all() for c in fields("kalman", table, n=n).values())


def test_kalman_finds_a_smooth_path_exactly():
    """Without noise: log price = 0.3 t + 0.1 t^2 (days) gives velocity 0.3 + 0.2 t and acceleration 0.2."""
    k = np.arange(400)
    table = walk(7, 400, step=15 * MINUTE, flat=0)
    days = k / 96
    table["close"] = np.rint(1e9 * np.exp(0.03 * days + 0.01 * days**2))
    table["high"], table["low"] = table["close"] + 1, table["close"] - 1
    got = fields("kalman", table, n=30)
    np.testing.assert_allclose(got["kalman_velocity"][100:], (0.03 + 0.02 * days)[100:], rtol=1e-5)
    np.testing.assert_allclose(got["kalman_acceleration"][200:], 0.02, rtol=1e-3)
    assert got["kalman_snr"][-1] > 1000


def test_kalman_stays_sound_over_many_bars_and_gaps():
    """Variances stay positive and at their steady value, whatever gaps there were; a standing price has no noise."""
    table = walk(8, 30_000, step=MINUTE, flat=0)
    gaps = np.random.default_rng(8).integers(1, 60, 30_000) * (np.random.default_rng(9).random(30_000) < 0.01)
    gaps[-500:] = 0
    table["open_time"] += np.cumsum(gaps) * MINUTE
    got = fields("kalman", table, n=8)
    error = got["kalman_velocity_error"][100:]
    assert (error[~np.isnan(error)] > 0).all()
    assert np.isfinite(got["kalman_velocity"][-500:]).all()
    still = walk(9, 200, flat=1.0)
    still["volume"] = 5
    calm = fields("kalman", still, n=8)
    assert calm["kalman_velocity"][-1] == 0
    assert np.isnan(calm["kalman_snr"][-1])


SITMO = (3.0, 1.76, 1.2693, 1.196, 0.9468, 0.9532, 0.6252, 0.8604, 1.0984, 1.431, 1.3019)
SITMO += (1.4005, 1.2686, 0.7147, 0.9237, 0.7297, 0.7105, 0.8683, 0.7406, 0.7314, 0.6232)


def test_the_published_example_of_an_ornstein_uhlenbeck_fit():
    """van den Berg's 21 values every 0.25: mu = 0.9075, theta = 3.1288, sigma = 0.5831."""
    table = walk(10, 21, step=6 * HOUR, flat=0)
    for name in ("open", "high", "low", "close"):
        table[name] = np.rint(np.exp(SITMO) * 1e7)
    got = {name: column[-1] for name, column in fields("reversion", table, n=20).items()}
    assert math.log(got["ou_mean"] / 0.5 / 1e7) == pytest.approx(0.9075, abs=5e-5)
    assert got["ou_theta"] == pytest.approx(3.1288, abs=5e-4)
    assert got["ou_sigma"] == pytest.approx(0.5531, abs=5e-4)  # he divides by n - 2 (0.5831); likelihood divides by n
    assert got["ou_sigma"] * math.sqrt(20 / 18) == pytest.approx(0.5831, abs=5e-4)
    assert got["ou_half_life"] == pytest.approx(math.log(2) / 3.1288, rel=1e-3)
    assert got["ou_drift"] == pytest.approx(3.1288 * (0.9075 - 0.6232), rel=1e-3)


def ou(x, days):
    """By numpy's own least squares."""
    b, a = np.polyfit(x[:-1], x[1:], 1)
    if not 0 < b < 1:
        return (0.0, NAN, NAN, NAN, NAN, NAN)
    theta, mu = -math.log(b) / days, a / (1 - b)
    rest = ((x[1:] - a - b * x[:-1]) ** 2).mean()
    sigma = math.sqrt(rest * 2 * theta / (1 - b * b))
    away = (x[-1] - mu) / (sigma / math.sqrt(2 * theta))
    return (theta, math.exp(mu) * 0.5, sigma, math.log(2) / theta, theta * (mu - x[-1]), away)


@pytest.mark.parametrize(("seed", "n"), [(11, 100), (12, 6), (13, 31)])
def test_ornstein_uhlenbeck_fit(seed, n):
    table = walk(seed, 500, volatility=0.004)
    x = np.log(table["close"].astype(float))
    wanted = np.array([ou(x[k - n : k + 1], 5 / 1440) if k >= n else (NAN,) * 6 for k in range(500)])
    known = ~(np.abs(wanted[:, 0]) * (5 / 1440) < 1e-4)  # so close to b = 1 that the mean lies anywhere
    for name, column in zip(got := fields("reversion", table, n=n), wanted.T, strict=True):
        same(got[name][known], column[known], rtol=1e-5, atol=1e-7)


def test_a_process_that_was_made_is_found_again():
    """theta 40 a day (half-life 25 minutes), sigma 0.05, from 1,000 one-minute bars, within its error."""
    r, b = np.random.default_rng(14), math.exp(-40 / 1440)
    x = np.zeros(3000)
    for k in range(1, 3000):
        x[k] = b * x[k - 1] + 0.05 * math.sqrt((1 - b * b) / 80) * r.normal()
    table = walk(14, 3000, step=MINUTE)
    for name in ("open", "high", "low", "close"):
        table[name] = np.rint(1_000_000 * np.exp(x))
    got = fields("reversion", table, n=1000)
    assert np.mean(got["ou_theta"][1000:]) == pytest.approx(40, rel=0.25)
    assert np.mean(got["ou_sigma"][1000:]) == pytest.approx(0.05, rel=0.05)
    assert got["ou_mean"][-1] == pytest.approx(500_000, rel=0.01)
    assert np.std(got["ou_deviation"][1000:]) == pytest.approx(1, abs=0.25)
    assert table["duration"][0] * 1440 == DAY
