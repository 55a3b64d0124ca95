"""A trained network as a file for another runtime, with everything between pixels and detections inside."""
