"""Trains the lower-face locator: photographs, rendered headsets, samples, loop, measures."""
