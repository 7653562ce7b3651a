"""Fee models, one a module: `Params` and `fee(fees, rules, worth, maker)` -> money. The venue imports the chosen."""
