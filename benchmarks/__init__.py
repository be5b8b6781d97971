"""What speed is promised, measured as ratios against peers in one run: `python -m benchmarks`."""
