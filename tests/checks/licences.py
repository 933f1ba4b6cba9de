#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every tracked file says its licence, in its first lines or in REUSE.toml, and the text is there."""
import fnmatch
import re
import tomllib

import common

SPDX = re.compile(r"SPDX-License-Identifier:\s*([^\r\n]*?)\s*(?:\*/|-->|-\}|\"|$)", re.M)
# What a folder must be under; the rest of the tree is Apache-2.0 unless it says otherwise.
WANT = [
    ("src/bpf/*.bpf.c", {"GPL-2.0-only OR BSD-2-Clause"}),
    ("src/bpf/*.h", {"GPL-2.0-only OR BSD-2-Clause"}),
    ("tests/*modules/*.c", {"GPL-2.0-only"}),
    ("src/*", {"Apache-2.0"}),
]
# The licence texts themselves, and the file that speaks for others.
NO_LINE = ("LICENSE", "LICENSES/*", "REUSE.toml")


def annotations(tree):
    if "REUSE.toml" not in tree.files:
        return []
    out = []
    for entry in tomllib.loads(tree.read("REUSE.toml")).get("annotations", []):
        paths = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
        out += [(p, entry["SPDX-License-Identifier"]) for p in paths]
    return out


def licence(tree, name, listed):
    head = "\n".join(tree.read(name).splitlines()[:5])
    m = SPDX.search(head)
    if m:
        return m.group(1)
    return next((text for path, text in listed if fnmatch.fnmatch(name, path)), None)


def problems(tree):
    out, used, listed = [], set(), annotations(tree)
    for name in tree.files:
        if any(fnmatch.fnmatch(name, p) for p in NO_LINE):
            continue
        text = licence(tree, name, listed)
        if not text:
            out.append("%s: no SPDX-License-Identifier line, and REUSE.toml does not list it" % name)
            continue
        used |= set(re.findall(r"[\w.+-]+", re.sub(r"\b(OR|AND|WITH)\b", " ", text)))
        want = next((w for pattern, w in WANT if fnmatch.fnmatch(name, pattern)), None)
        if want and text not in want:
            out.append("%s: is %s, this place wants %s" % (name, text, " or ".join(sorted(want))))
    for path, _ in listed:
        if not any(fnmatch.fnmatch(f, path) for f in tree.files):
            out.append("REUSE.toml: nothing matches %s" % path)
    for one in sorted(used):
        if "LICENSES/%s.txt" % one not in tree.files:
            out.append("LICENSES/%s.txt: missing, files are under it" % one)
    return out


SAYS = "// SPDX-License-" + "Identifier: "
TEXT = {"LICENSES/Apache-2.0.txt": "", "LICENSES/GPL-2.0-only.txt": "",
        "LICENSES/BSD-2-Clause.txt": ""}

if __name__ == "__main__":
    common.main(
        "every file says its licence", problems,
        [("a file that says nothing", dict(TEXT, **{"src/a.c": "int a;\n"}), "src/a.c: no SPDX"),
         ("a line too far down", dict(TEXT, **{"a.py": "\n" * 9 + SAYS + "Apache-2.0\n"}), "a.py"),
         ("a licence without its text", {"a.c": SAYS + "MIT\n"}, "LICENSES/MIT.txt"),
         ("eBPF under the wrong one", dict(TEXT, **{"src/bpf/a.bpf.c": SAYS + "Apache-2.0\n"}),
          "wants"),
         ("an entry for nothing",
          dict(TEXT, **{"REUSE.toml": '[[annotations]]\npath = "gone"\n'
                                      'SPDX-License-Identifier = "Apache-2.0"\n'}), "nothing")],
        dict(TEXT, **{
            "LICENSE": "text\n",
            "a.md": "<!-- SPDX-License-" + "Identifier: Apache-2.0 -->\n",
            "a.h": "/* SPDX-License-" + "Identifier: Apache-2.0 */\n",
            "src/bpf/a.bpf.c": SAYS + "GPL-2.0-only OR BSD-2-Clause\n",
            "data/a.json": "{}\n",
            "REUSE.toml": '[[annotations]]\npath = ["data/*.json"]\n'
                          'SPDX-License-Identifier = "Apache-2.0"\n'}))
