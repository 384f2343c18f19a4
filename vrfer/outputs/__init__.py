"""What is done with a reading: OSC to receivers, a recording."""
