"""The one error of everything that reads or writes a checkpoint."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be taken: which file, what is wrong with it, what to do.

    Nothing has been loaded or written when it is raised.
    """
