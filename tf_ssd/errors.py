"""The errors a user can cause: each message names file, object and value, and says what to do."""


class TfSsdError(Exception):
    """Base of every error that bad input raises; a command line prints it without a traceback and exits 2."""


class AuditError(TfSsdError):
    """Code to be audited cannot be found, imported or called."""


class ConfigError(TfSsdError):
    """A setting is out of range, or settings contradict each other."""


class DatasetError(TfSsdError):
    """An annotation, an image or the layout of a dataset cannot be used."""


class ExportError(TfSsdError):
    """What was written for another runtime does not detect what the model detects."""


class ImageError(DatasetError):
    """An image of a dataset cannot be read or decoded."""


class TrainingError(TfSsdError):
    """Training cannot go on: the loss is not finite."""


class WeightsError(TfSsdError):
    """A file of weights cannot be used: it is damaged, of another kind, or does not fit the network."""
