"""What the portal keeps on a disk is its own account's: hashes, seeds, sessions and keys lie there.

Every process begins by `own_files_only()`; an installation of before is put right at its start.
Imports nothing of Django: it runs before settings are read.
"""

import os
import stat
from pathlib import Path


PRIVATE_UMASK = 0o077


def own_files_only() -> None:
    """Whatever this process writes from now on is read by its own account alone."""
    os.umask(PRIVATE_UMASK)


def close_to_others(root: Path, *, everything: bool = False) -> None:
    """Take the rights of group and others away from a folder, or from all that it holds.

    The folder alone is enough to keep others out. What another account owns, a folder shared by the
    machine (sticky, like `/tmp`) and links are left as they are. Raises nothing: it is a repair.
    """
    paths = [root]
    if everything and not root.is_symlink():
        for folder, folders, files in os.walk(root):
            paths += [Path(folder, name) for name in (*folders, *files)]
    for path in paths:
        try:
            found = path.lstat()
            mode = stat.S_IMODE(found.st_mode)
            shared = stat.S_ISLNK(found.st_mode) or mode & stat.S_ISVTX
            if found.st_uid == os.geteuid() and not shared and mode & PRIVATE_UMASK:
                path.chmod(mode & ~PRIVATE_UMASK)
        except OSError:
            continue
