"""The range of each number of an intent, and the checks that name field, value and range: ConfigError `intent`.

Ranges are wide enough for every wish that makes sense, and narrow enough that what is computed from it later fits.
"""

from __future__ import annotations

import reprlib
from typing import Any, Final, NoReturn

import numpy as np

from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import DAY

FARTHEST: Final = 1_000.0  # fraction of the price: distances of target, stop and trailing stop
DEAREST: Final = 1e12  # quote: prices
LARGEST: Final = 1e6  # multiples of equity: sizes and exposures
RICHEST: Final = 1e15  # settle currency: stakes
STEEPEST: Final = 1e6  # times: leverage
LONGEST: Final = 36_500 * DAY  # ns: horizons and times to live
LONGEST_REASON: Final = 200  # characters of a pass's reason
EXACT: Final = 1 + 1e-9  # sums of shares may miss by so much
_NUMBERS: Final = (int, float, np.integer, np.floating)


def optional(name: str, value: Any, most: float) -> None:
    """Nothing, or a number above 0, up to `most`."""
    if value is not None:
        above(name, value, most)


def above(name: str, value: Any, most: float, unit: str = "") -> None:
    """A number above 0, up to `most`; `unit` " ns": a span of time."""
    if not (isinstance(value, _NUMBERS) and 0 < _plain(value) <= most):
        limit = f"{most / DAY:,.8g} days" if unit else f"{most:,.8g}"
        refuse(f"{name} is {said(value)}{unit}; it must be above 0 and at most {limit}")


def within(name: str, value: Any, least: float, most: float) -> None:
    """A number from `least` to `most`."""
    if not (isinstance(value, _NUMBERS) and least <= _plain(value) <= most):
        refuse(f"{name} is {said(value)}; it must be from {least:,.8g} to {most:,.8g}")


def _plain(value: Any) -> Any:
    """A number of numpy as Python's: a small one could not be held against a large limit."""
    return value.item() if isinstance(value, np.generic) else value


def either(name: str, value: object) -> None:
    """True or false."""
    if not (isinstance(value, (*_NUMBERS, np.bool_)) and value in (0, 1)):
        refuse(f"{name} is {said(value)}; it must be true or false")


def said(value: object) -> str:
    """A value as a message can show it, whatever it is: a whole number may have thousands of digits."""
    try:
        return f"{value}" if isinstance(value, float) else reprlib.repr(value)
    except ValueError:
        return "a number of thousands of digits"


def require(condition: bool, message: str) -> None:
    """What must hold of an intent."""
    if not condition:
        refuse(message)


def refuse(message: str) -> NoReturn:
    """The error of an intent that cannot stand."""
    raise ConfigError("intent", message, means="the strategy's answer was not sent to the desk")
