"""The sections of `benchmarks/finder.py`: each measures one thing and returns a `Result`."""
