"""Training, measuring and exporting networks; the only part of vrfer that knows torch."""
