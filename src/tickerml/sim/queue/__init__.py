"""Queue-position models, one a module: `Params`, `on_new`, `on_depth`, `on_trade`. The venue imports the chosen one.

A model keeps `o["front"]`, the lots ahead of our order `o` (below 0: that many lots of ours are reached), and may use
`o["passed"]`, which it must keep at 0 or above. It is told when the order starts to rest behind `ahead` displayed lots,
when the displayed level at its price goes from `before` to `after` lots, and when `lots` trade at its price. A user's
own module with these four names works the same way.
"""
