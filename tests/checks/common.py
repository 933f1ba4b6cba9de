# SPDX-License-Identifier: Apache-2.0
"""What the checks of the source tree share: the list of files, and the two halves of each check.

A check is a function problems(tree) that returns lines like "path:line: what is wrong". main()
first gives it samples it must reject and one it must accept, then the project itself: a check that
cannot fail is worth nothing.
"""
import os
import shutil
import subprocess
import tempfile

import tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Tree:
    """A directory and the files of it that count."""

    def __init__(self, root, files):
        self.root = root
        self.files = sorted(files)

    def path(self, name):
        return os.path.join(self.root, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def match(self, *ends, under=""):
        return [f for f in self.files if f.startswith(under) and f.endswith(ends)]


def project():
    """The tracked files; in an unpacked archive, where there is no git, all files."""
    git = subprocess.run(["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z"],
                         capture_output=True, check=False)
    if git.returncode == 0 and git.stdout:
        files = [f for f in git.stdout.decode().split("\0") if f]
    else:
        files = [os.path.relpath(os.path.join(d, f), ROOT) for d, _, names in os.walk(ROOT)
                 for f in names if "/build" not in d and "/.git" not in d]
    return Tree(ROOT, [f for f in files if os.path.isfile(os.path.join(ROOT, f))])


def sample(folder, files):
    """A small tree made of {path: text}."""
    for name, text in files.items():
        full = os.path.join(folder, name)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
    return Tree(folder, files)


def main(title, problems, bad, good, notes=None):
    """bad: [(what, {path: text}, a text that a problem must contain)]; good: {path: text}."""
    t = tap.Tap()
    scratch = tempfile.mkdtemp(prefix="kepler-check-")
    t.cleanup(shutil.rmtree, scratch, ignore_errors=True)
    for i, (what, files, want) in enumerate(bad):
        found = problems(sample(os.path.join(scratch, "bad%d" % i), files))
        t.ok(any(want in p for p in found), "rejects " + what, "\n".join(found) or "nothing found")
    t.eq(problems(sample(os.path.join(scratch, "good"), good)), [], "accepts a good sample")
    tree = project()
    found = problems(tree)
    t.ok(not found, title, "\n".join(found))
    for line in notes(tree) if notes else []:
        t.diag(line)
    t.done()
