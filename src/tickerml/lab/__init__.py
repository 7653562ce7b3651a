"""Where we learn: what the figures of a run are worth. Pure functions over arrays; docs/statistics.md has the formulas.

A figure that is not defined is nan with the reason beside it; nothing here fills in a value.
"""
