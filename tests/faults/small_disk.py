"""A disk that can be full: a small tmpfs that only this process and its children see."""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path

SIZE_BYTES = 64 * 2**20
BALLAST = "ballast"
QUOTA = "a limit on the size of each file"

_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000  # CLONE_NEWNS, CLONE_NEWUSER of sched.h
_REC, _PRIVATE = 0x4000, 0x40000  # MS_REC, MS_PRIVATE of sys/mount.h


def make(folder: Path) -> str:
    """Mount a tmpfs on `folder` in a mount namespace of this process; say how that was done.

    Where the system allows none, files get a limit instead (`leave`).
    """
    folder.mkdir()
    user, group = os.getuid(), os.getgid()
    for flags, how in ((_NEW_MOUNTS, "tmpfs"), (_NEW_MOUNTS | _NEW_USERS, "tmpfs, own users")):
        try:
            _call("unshare", flags)
            if flags & _NEW_USERS:
                _be_root(user, group)
            _call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
            options = f"size={SIZE_BYTES}".encode()
            _call("mount", b"none", os.fsencode(folder), b"tmpfs", 0, options)
        except OSError:
            continue
        return how
    return QUOTA


def leave(folder: Path, room_bytes: int) -> None:
    """Leave so many bytes free on the disk of `folder`; where it is no small one, let no file of
    this process grow larger than that."""
    if not os.path.ismount(folder):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, resource.RLIM_INFINITY))
        return
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    if free > room_bytes:
        with (folder / BALLAST).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - room_bytes)


def used_bytes(folder: Path) -> int:
    """Count what the disk of `folder` holds."""
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


def make_room(folder: Path) -> None:
    """Take the ballast away."""
    (folder / BALLAST).unlink(missing_ok=True)


def _be_root(user: int, group: int) -> None:
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _call(name: str, *given: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*given):
        raise OSError(ctypes.get_errno(), f"{name} is not allowed here")
