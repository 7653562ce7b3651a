"""What we measure: one family a file, each a fold. `catalog.resolve` finds a feature by the name a strategy uses."""
