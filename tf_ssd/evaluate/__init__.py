"""Average precision of a model, or of detections in a file, over a dataset."""
