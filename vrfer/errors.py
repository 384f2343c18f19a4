"""Everything that can go wrong for reasons outside vrfer.

    VrferError
    |- SourceError         a camera, URL, video or picture that cannot be read
    |- ModelContractError  a network file that is missing, broken or without its contract
    |- OutputError         a receiver's address or a recording that cannot be used
    |- SettingsError       a settings file that cannot be used
    |- RecipeError         a training recipe with a wrong or missing field
    `- DataError           a data set that is missing, damaged or not what it says

The command lines show it as one line and exit with 2; whoever owns a thread turns it into an event
or a status, which the window shows.
"""


class VrferError(Exception):
    """A problem that the user can solve: what is wrong, and what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        """Store both parts.

        Args:
            message: Names the thing and what is wrong with it, without a final full stop.
            remedy: What the user can do, as a full sentence.
        """
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the one line that a user sees."""
        return f"{self.message}. {self.remedy}"


class SourceError(VrferError):
    """A camera, URL, video, picture or folder cannot be read."""


class ModelContractError(VrferError):
    """A network file is missing, broken, or does not carry a usable contract."""


class OutputError(VrferError):
    """A receiver's address or a recording's file cannot be used."""


class SettingsError(VrferError):
    """A settings file is damaged, or of a newer vrfer."""


class RecipeError(VrferError):
    """A training recipe, or a checkpoint that should fit it, cannot be used."""


class DataError(VrferError):
    """A data set is missing, damaged, or not what it says it is."""
