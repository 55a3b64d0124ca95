"""What every program needs and no detector knows: files, output, signals."""
