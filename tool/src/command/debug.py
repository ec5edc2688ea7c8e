"""Symbols for gdb: of each server, when the kernel loads it.

The kernel's log says what it loads where. It is read whenever something stops, and before each constructor and
start hook, so that a breakpoint in a server holds from its first instruction on. WARREN_LOG is the
log; WARREN_SERVERS has a line `NAME=FILE` for each server; WARREN_LAUNCH is the address of the
function that calls constructors.
"""

import os
import re

import gdb

LOADED = re.compile(r"\] (\S+): loaded at (0x[0-9a-f]+)")
FILES = dict(line.split("=", 1) for line in os.environ["WARREN_SERVERS"].splitlines())


class Symbols:
    """What was read of the log, and whose symbols are known."""

    def __init__(self, path):
        self.path = path
        self.offset = 0

    def update(self):
        """Adds the symbols of servers that were loaded since the last time."""
        with open(self.path, encoding="utf-8", errors="replace") as log:
            log.seek(self.offset)
            new = log.read()
        complete = new.rfind("\n") + 1
        self.offset += len(new[:complete].encode())
        for name, base in LOADED.findall(new[:complete]):
            if name in FILES:
                gdb.execute(f"add-symbol-file {FILES[name]} -o {base}", to_string=True)
                print(f"{name} is loaded at {base}")


class Launch(gdb.Breakpoint):
    """Stops nobody, but looks at the log first."""

    def __init__(self, address, symbols):
        super().__init__(f"*{address}", internal=True)
        self.silent = True
        self.symbols = symbols

    def stop(self):
        self.symbols.update()
        return False


symbols = Symbols(os.environ["WARREN_LOG"])
gdb.events.stop.connect(lambda event: symbols.update())
Launch(os.environ["WARREN_LAUNCH"], symbols)
