"""Locks by which processes see that a file's writer is alive: the system lets go of them however a process ends."""

from __future__ import annotations

import errno

try:
    import fcntl
except ImportError:  # Windows: nobody is ever taken for dead
    fcntl = None  # type: ignore[assignment]

# What a file system without locks says.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})


def wait(descriptor: int) -> bool:
    """Hold a file alone, once nobody else holds it; False when files cannot be held here. Raises: OSError."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def lock(descriptor: int, *, alone: bool) -> bool:
    """Hold a file together with others, or `alone` without waiting; False when that cannot be had or is not known here.

    It is held until the last copy of the descriptor is closed. Raises: OSError.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    except OSError as error:
        if not isinstance(error, BlockingIOError) and error.errno not in _NO_LOCKS:
            raise
        return False
    return True
