#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A machine as one text file: the files that the meters read, one line for each line of each.

    # a comment, in lines that start so
    sys/class/hwmon/hwmon0/name: amdgpu     one line of a file; again for its next line
    sys/class/hwmon/hwmon0 -> ../../x       a link
    sys/bus/pci/drivers/amdgpu/             a directory
    sys/x/gpu_metrics = 78 00 01 03         bytes that are no text

    machine.py pack DIRECTORY               prints the text of a tree, as tools/capture-machine makes it
    machine.py unpack tree.txt DIRECTORY    makes the tree
"""
import os
import pathlib
import re
import sys

LINE = re.compile(r"(?P<path>\S+?)"
                  r"(?:(?P<dir>/)|:(?: (?P<text>.*))?|(?: -> (?P<link>\S+))|(?: =(?P<hex>(?: [0-9a-f]{2})*)))")


class Broken(ValueError):
    """A line that is none of the forms above."""


def parse(text):
    """{path: ("file", bytes) | ("link", target) | ("dir", None)} in the order of the text."""
    tree = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        path = pathlib.PurePosixPath(found["path"]) if found else None
        if not found or path.is_absolute() or ".." in path.parts:
            raise Broken(f"line {number}: {line!r}")
        name = str(path)
        if found["dir"]:
            tree.setdefault(name, ("dir", None))
        elif found["link"]:
            tree[name] = ("link", found["link"])
        elif found["hex"] is not None:
            tree[name] = ("file", bytes.fromhex(found["hex"]))
        else:
            before = tree.get(name, ("file", b""))[1]
            tree[name] = ("file", before + (found["text"] or "").encode() + b"\n")
    return tree


def unpack(text, folder):
    """Makes the tree below @folder, links last: what they lead through exists by then."""
    folder = pathlib.Path(folder)
    for name in ("proc", "sys", "dev"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    tree = parse(text)
    for name, (kind, content) in tree.items():
        where = folder / name
        (where if kind == "dir" else where.parent).mkdir(parents=True, exist_ok=True)
        if kind == "file":
            where.write_bytes(content)
    for name, (kind, content) in tree.items():
        if kind == "link":
            os.symlink(content, folder / name)


def is_text(content):
    try:
        return bool(content) and all(c.isprintable() or c in "\n\t" for c in content.decode())
    except UnicodeDecodeError:
        return False


def lines_of(where, name):
    """The lines of one file, link or empty directory."""
    if where.is_symlink():
        return [f"{name} -> {os.readlink(where)}"]
    if where.is_dir():
        return [] if any(where.iterdir()) else [f"{name}/"]
    content = where.read_bytes()
    if not is_text(content):
        return [f"{name} = {content.hex(' ')}".rstrip()]
    return [f"{name}: {line}".rstrip(" ") for line in content.decode().removesuffix("\n").split("\n")]


def pack(folder):
    """The text of the tree below @folder. A last line without its newline gets one."""
    folder = pathlib.Path(folder)
    lines = []
    for path in sorted(folder.rglob("*")):
        lines += lines_of(path, str(path.relative_to(folder)))
    return "\n".join(lines) + "\n"


def main(argv):
    if len(argv) == 2 and argv[0] == "pack":
        print("# SPDX-License-Identifier: Apache-2.0\n" + pack(argv[1]), end="")
        return 0
    if len(argv) == 3 and argv[0] == "unpack":
        unpack(pathlib.Path(argv[1]).read_text(encoding="utf-8"), argv[2])
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
