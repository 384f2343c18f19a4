"""The pipeline as a window or another program steers it while it runs: no Qt here."""
