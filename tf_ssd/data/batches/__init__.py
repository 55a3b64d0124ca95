"""From records to batches of augmented images and padded ground truth."""
