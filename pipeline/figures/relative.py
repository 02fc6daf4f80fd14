"""Rates in parts of a neuron's highest, so that neurons can be averaged."""

from __future__ import annotations

import numpy as np


def relative_rates(rates: np.ndarray) -> np.ndarray:
    """Over each neuron's highest, (neurons, ...) as given; NaN for one whose rates are all the same or not finite."""
    flat = rates.reshape(len(rates), -1)
    finite = np.isfinite(flat).all(axis=1)
    filled = np.where(finite[:, None], flat, 0)
    peak = filled.max(axis=1)
    usable = finite & (peak > 0) & (np.ptp(filled, axis=1) > 0)
    scaled = filled / np.where(usable, peak, 1)[:, None]
    return np.where(usable[:, None], scaled, np.nan).reshape(rates.shape)
