"""The promised speed, measured as ratios against peers in one run: `python -m benchmarks`."""
