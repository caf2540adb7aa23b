"""The parts of ``tabwright demo``."""
