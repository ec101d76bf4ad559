"""Buyers whose purchases follow BG/NBD, and their values Gamma–Gamma."""

import numpy as np
import pandas as pd


def bg_nbd_buyers(
    seed: int, count: int, *, a: float, b: float, r: float = 0.6, alpha: float = 30.0
) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers of a BG/NBD shop, and how often they buy in the next 100 days.

    Returns:
        purchases, last, age, weight and mean_value as the value model takes them, and
        amount_later, what they spend in these days; and the purchases of these days, shape (n,).
    """
    rng = np.random.default_rng(seed)
    age = rng.integers(60, 366, count).astype(float)
    rate = rng.gamma(r, 1 / alpha, count)
    dropout = rng.beta(a, b, count) if a > 0 else np.zeros(count)
    now, last, bought = np.zeros(count), np.zeros(count), np.zeros(count)
    later, stays = np.zeros(count), np.ones(count, dtype=bool)
    while stays.any():
        now = now + rng.exponential(1 / rate)
        before = stays & (now <= age)
        last = np.where(before, now, last)
        bought += before
        after = stays & (now > age) & (now <= age + 100)
        later += after
        stays = (before | after) & (rng.random(count) >= dropout)
    # Gamma–Gamma with p = 6, q = 4, gamma = 15: the mean value of x purchases.
    scale = rng.gamma(4.0, 1 / 15.0, count)
    mean = rng.gamma(6.0 * np.maximum(bought, 1), 1 / (scale * np.maximum(bought, 1)))
    frame = pd.DataFrame({"purchases": bought, "last": last, "age": age, "weight": 1})
    frame["mean_value"] = np.where(bought > 0, mean, np.nan)
    frame["amount_later"] = np.where(later > 0, rng.gamma(6.0 * np.maximum(later, 1), 1 / scale), 0)
    return frame, later
