"""Losses in TensorFlow and Keras, ready to be audited: python -m tf_ssd.audit --impl tf_ssd.audit.examples.naive_loss:loss."""
