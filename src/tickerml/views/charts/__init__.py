"""The report's charts: static SVG, each drawn at the width it is shown at (docs/decisions/0004-charts.md)."""
