# SPDX-License-Identifier: Apache-2.0
"""A small TAP producer for the project's Python tests.

    import tap
    t = tap.Tap()                      # or tap.Tap(plan=3)
    t.ok(cond, "what must hold", diag="what was seen instead")
    t.eq(got, want, "the sum is right")
    t.skip("zones by guest", "qemu-system-x86_64 is not installed")
    t.require(shutil.which("runc"), "runc is not installed")   # else: skip the whole file

    @t.case("a case with several steps")    # runs now; an exception becomes "not ok"
    def _():
        assert f() == 3, "f() counts to three"

    t.done()                           # prints the plan, runs clean-ups, exits 0 or 1

Every name is one line; diagnostics go to stdout as "# ..." lines behind the result, where the
harness keeps them with the test. Clean-ups given to t.cleanup(fn, *args) run in reverse order in
done(), bail_out() and when the interpreter ends for any other reason, also on SIGTERM.
"""

import atexit
import os
import signal
import sys
import traceback


class Skip(Exception):
    """Raised inside a case: the case is skipped with this reason."""


class Tap:
    def __init__(self, plan=None, out=None):
        self.out = out or sys.stdout
        self.count = 0
        self.failed = 0
        self.skipped = 0
        self.plan = plan
        self._ended = False
        self._cleanups = []
        self._pid = os.getpid()
        self._print("TAP version 13")
        if plan is not None:
            self._print("1..%d" % plan)
        atexit.register(self._run_cleanups)
        if out is None:
            # The harness ends a test that takes too long with SIGTERM: leave nothing behind.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    # -- results ---------------------------------------------------------------------------

    def ok(self, cond, name, diag=""):
        """One result. Returns bool(cond)."""
        self.count += 1
        if cond:
            self._print("ok %d - %s" % (self.count, _one_line(name)))
        else:
            self.failed += 1
            self._print("not ok %d - %s" % (self.count, _one_line(name)))
            self.diag(diag)
        return bool(cond)

    def not_ok(self, name, diag=""):
        return self.ok(False, name, diag)

    def eq(self, got, want, name):
        return self.ok(got == want, name, "got:  %r\nwant: %r" % (got, want))

    def near(self, got, want, rel, name):
        """|got - want| <= rel * |want|; the figures are always printed."""
        good = abs(got - want) <= rel * abs(want)
        off = (got - want) / want * 100 if want else float("nan")
        text = "got %.9g, want %.9g within %.3g %% (off by %+.4f %%)" % (got, want, rel * 100, off)
        self.ok(good, name, text)
        if good:
            self.diag(text)
        return good

    def skip(self, name, reason):
        self.count += 1
        self.skipped += 1
        self._print("ok %d - %s # SKIP %s" % (self.count, _one_line(name), _one_line(reason)))

    def diag(self, text):
        """Lines for the reader; kept with the result before them."""
        for line in str(text).splitlines():
            self._print("# " + line)

    # -- flow ------------------------------------------------------------------------------

    def case(self, name):
        """Decorator: runs the function at once; returns normally = ok, raises = not ok.

        tap.Skip(reason) raised inside, or by self.need(), skips the case."""

        def run(fn):
            try:
                fn()
            except Skip as why:
                self.skip(name, str(why))
            except Exception:  # noqa: BLE001 - whatever it is, it is a failure of this case
                self.ok(False, name, traceback.format_exc())
            else:
                self.ok(True, name)
            return fn

        return run

    @staticmethod
    def need(cond, reason):
        """Inside a case: skip it unless cond."""
        if not cond:
            raise Skip(reason)
        return cond

    def require(self, cond, reason):
        """Skip the whole file unless cond. Call it before the first result."""
        if cond:
            return cond
        reason = _one_line(reason)
        if self.count == 0 and self.plan is None:
            self.skip(os.path.basename(sys.argv[0]), reason)
            self.done()
        else:
            self.skip("the rest of " + os.path.basename(sys.argv[0]), reason)
            self.done()
        return None

    def cleanup(self, fn, *args, **kwargs):
        self._cleanups.append((fn, args, kwargs))

    def bail_out(self, reason):
        """Nothing after this can be trusted: stop at once. Counts as a failure."""
        self._print("Bail out! " + _one_line(reason))
        self._ended = True
        self._run_cleanups()
        sys.exit(1)

    def done(self):
        """Clean up, print the plan and exit: 0 when nothing failed."""
        if not self._ended:
            self._ended = True
            self._run_cleanups()
            if self.plan is None:
                self._print("1..%d" % self.count)
            elif self.plan != self.count:
                self._print("# planned %d results, gave %d" % (self.plan, self.count))
                self.failed += 1
        sys.exit(1 if self.failed else 0)

    # -- inside ----------------------------------------------------------------------------

    def _print(self, text):
        # Names of processes and containers may be any bytes; the protocol is UTF-8 text.
        data = text.encode("utf-8", "backslashreplace").decode("utf-8")
        data = "".join(c if c >= " " or c == "\t" else "\\x%02x" % ord(c) for c in data)
        print(data, file=self.out, flush=True)

    def _run_cleanups(self):
        if os.getpid() != self._pid:  # a forked child must not tear down its parent's things
            return
        while self._cleanups:
            fn, args, kwargs = self._cleanups.pop()
            try:
                fn(*args, **kwargs)
            except Exception:  # noqa: BLE001
                self.diag("clean-up failed:\n" + traceback.format_exc())


def _one_line(text):
    # Some harnesses read "\\#" as the start of a directive, so a "#" in a name is spelt out.
    return " ".join(str(text).split()).replace("#", "%23")
