"""What the lab raises."""


class LabError(Exception):
    """The lab could not do what it was asked; the message says what, and shows what the tool said."""
