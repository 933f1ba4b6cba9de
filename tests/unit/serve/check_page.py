#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The live page in a real browser: numbers move, nothing in the console, hostile names stay text.

With a folder as second argument it leaves screenshots there.
"""
import os
import shutil
import sys

import tap

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agent  # noqa: E402
import chromium  # noqa: E402

t = tap.Tap()
program = shutil.which("chromium")
t.require(program, "chromium is not installed")
shots = sys.argv[2] if len(sys.argv) > 2 else None
server = agent.Server(sys.argv[1])
t.cleanup(server.end)
server.tick()
page = chromium.Page(program)
t.cleanup(page.end)


def shoot(name):
    if shots:
        page.screenshot(os.path.join(shots, name + ".png"))


def texts(selector):
    return page.js("[...document.querySelectorAll(%r)].map((e) => e.textContent)" % selector)


page.size(1000, 1300)
page.open("http://127.0.0.1:%d/" % server.port)
t.ok(page.until("!!document.querySelector('#processes tbody tr')"), "the page shows processes")
t.ok(page.js("document.querySelector('main').hidden === false && document.getElementById('banner').hidden"),
     "it shows its numbers and no warning")
t.eq(texts("#node"), ["node-1"], "the node's name")
commands = texts("#processes .name")
t.ok("</script>" in commands and 'a"b\\c\nd\ufffd' in commands, "hostile names stay text", commands)
t.eq(page.js("document.querySelectorAll('body script, main script, td *:not(span)').length"), 0, "and make no elements")
t.eq(texts("#containers .sub")[0], "system", "a name is not said twice")
t.ok('web "1"\\' in texts("#containers .name"), "containers have their names")

rows = page.js("document.querySelectorAll('tbody tr').length")
t.eq(texts("tbody .note"), ["estimated, \u00b140\u00a0%"] * (2 * rows), "every number of a row says that it is estimated")
t.eq(texts("#watts-note"), ["estimated, \u00b140\u00a0%"], "the sum too")
t.eq(dict(zip(texts("#domains .name"), texts("#domains .note"))),
     {"package": "", "core": "", "dram": "", "other": "estimated, \u00b140\u00a0%",
      "platform": "estimated, \u00b140\u00a0%"}, "domains that are measured do not")

before = (texts("#watts"), texts("#containers .value"), texts("#processes .value"))
t.ok(page.until("document.getElementById('watts').textContent !== %r" % before[0][0], server.tick), "the power moves")
t.ok(texts("#containers .value") != before[1] and texts("#processes .value") != before[2], "the rows move")
shoot("light")

page.size(400, 1300, dark=True)
t.ok(page.js("document.documentElement.scrollWidth <= 400"), "nothing sticks out at 400 px")
t.ok(page.js("getComputedStyle(document.body).backgroundColor") != "rgb(246, 247, 245)", "it can be dark")
shoot("narrow-dark")

server.tick(60)
t.ok(page.until("!document.getElementById('banner').hidden"), "old numbers are called old")
server.tick()
t.ok(page.until("document.getElementById('banner').hidden"), "and new ones no more")
t.eq(page.noise, [], "nothing in the console")

server.end()
t.ok(page.until("document.getElementById('banner').textContent.includes('cannot be reached')"),
     "an agent that has ended is said to be unreachable")
shoot("unreachable")
t.done()
