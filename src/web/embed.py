#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the files of the page into a C table: embed.py OUTPUT FILE..."""
import os
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

output, files = sys.argv[1], sys.argv[2:]
arrays, table = [], []
for i, name in enumerate(files):
    with open(name, "rb") as f:
        data = f.read()
    base = os.path.basename(name)
    path = "/" if base == "index.html" else "/" + base
    lines = [",".join(map(str, data[at:at + 24])) for at in range(0, len(data), 24)]
    arrays.append("static const u8 asset_%d[] = {\n%s\n};\n" % (i, ",\n".join(lines)))
    table.append('\t{ "%s", "%s", asset_%d, sizeof(asset_%d) },\n'
                 % (path, TYPES[os.path.splitext(base)[1]], i, i))
with open(output, "w", encoding="ascii") as f:
    f.write('#include "web/assets.h"\n\n' + "".join(arrays)
            + "\nconst struct web_asset web_assets[WEB_ASSETS] = {\n" + "".join(table) + "};\n")
