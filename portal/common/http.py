"""Answers and exceptions shared by every room."""


class Unavailable(Exception):
    """The portal cannot answer now: the page says so with 503 and shows nothing else."""
