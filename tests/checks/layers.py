#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the walls between the rooms of src/, as ARCHITECTURE.md draws them."""
import os
import posixpath
import re

import common

# A room may include itself, and besides: rooms ("base/") or single headers.
MAY = {
    "base": [],
    "bpf": [],
    "meter": ["base/"],
    "activity": ["base/", "bpf/abi.h"],
    "workload": ["base/"],
    "config": ["base/"],
    "serve": ["base/"],
    "web": ["base/"],
    "frame": ["base/", "meter/", "activity/", "workload/"],
    "model": ["base/", "frame/"],
    "ledger": ["base/", "frame/", "model/", "workload/"],
    "export": ["base/", "ledger/snapshot.h", "ledger/account.h", "workload/identity.h"],
    "cli": None,  # wires everything together
}
# Made by the build, and who alone may have them.
GENERATED = {
    r"kepler_version\.h": r"(base|export|cli)/",
    r"kepler_revision\.h": r"cli/",
    r"[\w-]+\.skel\.h": r"activity/source_bpf\.c",
}
# Single doors through a wall, and why: (file, header) -> reason.
EXCEPTIONS = {
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def allowed(name, header):
    room = name.split("/")[0]
    may = MAY.get(room, [])
    if may is None or header.startswith(room + "/") or (name, header) in EXCEPTIONS:
        return True
    return any(header == m or (m.endswith("/") and header.startswith(m)) for m in may)


def wrong_include(name, header, headers):
    """Why src/@name may not include @header, or None."""
    for pattern, who in GENERATED.items():
        if re.fullmatch(pattern, posixpath.basename(header)):
            return None if re.match(who, name) else "is for %s only" % who
    if "/" not in header or header.startswith("."):
        return 'is not written from src/: "room/file.h"'
    if header.split("/")[0] not in MAY:
        return "is in a room that the table in tests/checks/layers.py does not know"
    if header not in headers and header.endswith(".h"):
        return "does not exist"
    return None if allowed(name, header) else "is behind a wall: see ARCHITECTURE.md, the rooms"


def problems(tree):
    out = []
    headers = {f.removeprefix("src/") for f in tree.match(".h", under="src/")}
    for full in tree.match(".c", ".h", ".def", under="src/"):
        name = full.removeprefix("src/")
        if name.split("/")[0] not in MAY:
            out.append("%s: the table in tests/checks/layers.py does not know this room" % full)
            continue
        text = tree.read(full)
        found = [(m.group(1), m.group(2), text.count("\n", 0, m.start()) + 1)
                 for m in INCLUDE.finditer(text)]
        for kind, header, line in found:
            why = wrong_include(name, header, headers) if kind == '"' else None
            if why:
                out.append('%s:%d: "%s" %s' % (full, line, header, why))
        own = os.path.splitext(name)[0] + ".h"
        if name.endswith(".c") and own in headers and found and found[0][1] != own:
            out.append('%s:%d: the first include is its own header, "%s"' % (full, found[0][2], own))
    return out


BASE = {"src/base/log.h": "", "src/meter/meter.h": "", "src/ledger/ledger.h": "",
        "src/ledger/snapshot.h": "", "src/serve/http.h": "", "src/bpf/abi.h": ""}


def with_base(**files):
    return dict(BASE, **{"src/" + k.replace("__", "/").replace("_c", ".c"): v
                         for k, v in files.items()})


if __name__ == "__main__":
    common.main(
        "rooms include only what they may", problems,
        [("base that knows a meter", with_base(base__a_c='#include "meter/meter.h"\n'), "wall"),
         ("a server that knows the books", with_base(serve__a_c='#include "ledger/snapshot.h"\n'),
          "wall"),
         ("an exporter that reads the ledger itself",
          with_base(export__a_c='#include "ledger/ledger.h"\n'), "wall"),
         ("a meter that looks at activity", with_base(meter__a_c='  #  include "bpf/abi.h"\n'),
          "wall"),
         ("an include from beside", with_base(base__a_c='#include "log.h"\n'), "from src/"),
         ("an include from above", with_base(meter__a_c='#include "../base/log.h"\n'), "from src/"),
         ("a room nobody drew", with_base(attic__a_c=""), "does not know this room"),
         ("a skeleton in a second file", with_base(cli__a_c='#include "x.skel.h"\n'), "only"),
         ("a header that is gone", with_base(cli__a_c='#include "base/gone.h"\n'), "not exist"),
         ("an own header that comes second",
          with_base(base__log_c='#include <stdio.h>\n#include "base/log.h"\n'), "own header")],
        with_base(base__log_c='#include "base/log.h"\n\n#include <stdio.h>\n',
                  export__a_c='#include <x.h>\n#include "ledger/snapshot.h"\n',
                  activity__source_bpf_c='#include "x.skel.h"\n#include "bpf/abi.h"\n',
                  cli__a_c='#include "serve/http.h"\n#include "ledger/ledger.h"\n'))
