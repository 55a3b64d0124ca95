"""tf_ssd, reference_torch and torchvision with the parameters that the audit asks of everyone's code."""
