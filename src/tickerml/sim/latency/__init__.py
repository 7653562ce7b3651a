"""Latency models, one a module: `Params`, `entry`, `cancel`, `response`. The venue imports the chosen one.

Each function returns nanoseconds: how long a new order (`entry`) or a cancel takes to reach the matching engine, and an
answer to come back. `feed_ns` is the feed latency last seen (receive time minus venue time); `mail["rng"]` holds the
model's own random state. A negative entry or cancel latency means that the request was lost on the way; its size is the
time until we learn of it.
"""
