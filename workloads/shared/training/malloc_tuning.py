"""Memory that stays: the C library is told not to give freed pages back to the system.

A hidden layer of 1024 rows is 4 MB at width 256. By default glibc returns such a block when it is freed
and asks for it again at the next layer, and the system clears every page of it. That took a fifth of
the CPU time of a dense reading (vanilla-6: 446 ms with 55,000 page faults, 357 ms with none) and less of
one with fewer rows: a gain that has nothing to do with routing. So it is switched off for the whole process, for all methods alike.
"""

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_NEVER = 1 << 30


@cache
def keep() -> bool:
    """Keep freed pages from now on; return whether the C library knows how to."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _NEVER)) and bool(mallopt(_MMAP_THRESHOLD, _NEVER))
