"""Figures that take work are worked out once for each story, however many views ask."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from tickerml.views.story import Story

Found = TypeVar("Found")


def once(figure: Callable[[Story], Found]) -> Callable[[Story], Found]:
    """The same figure, kept as long as its story lives."""
    kept: WeakKeyDictionary[Story, Found] = WeakKeyDictionary()

    @wraps(figure)
    def _found(story: Story) -> Found:
        if story not in kept:
            kept[story] = figure(story)
        return kept[story]

    return _found
