"""What can go wrong with a model; each message says what to do."""

from __future__ import annotations

from tabwright.core.message import MessageError


class ModelError(MessageError):
    """A model cannot be had or used; ``str(error)`` is a message a user can act on."""


class ModelMissing(ModelError):
    """The model is not on this machine."""


class ModelInvalid(ModelError):
    """The model's files are damaged, incomplete or of a kind that is not loaded."""


class WeightsMissing(ModelMissing):
    """The model is here, but not the weights that the chosen backend needs."""


class ModelChanged(ModelError):
    """The hub has other files by this name than those that were pulled before."""


class PullFailed(ModelError):
    """No source gave the model, or what it gave could not be used."""


class PullCancelled(ModelError):
    """The pull was stopped on request; what it had finished is kept for the next one."""


class SourceFailed(MessageError):
    """One source cannot give the model; the next one is tried. ``str(error)`` is the reason."""
