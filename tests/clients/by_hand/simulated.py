"""A simulated exchange for the scripts beside this one: `tickwire sim` as a child, its addresses."""

import contextlib
import os
import re
import subprocess


@contextlib.contextmanager
def simulated(binary, exchange, *arguments):
    """Yields HOST:PORT of a simulator of that exchange, until it is left."""
    command = [binary, "sim", "--exchange", exchange, "--rate", "300", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in child.stdout:
            if found := re.search(r"wss?://([0-9.]+:[0-9]+)", line):
                break
        else:
            raise SystemExit(f"{command} told no address")
        yield found[1]
    finally:
        child.terminate()
        child.wait()


def trust(authority):
    """The authority of a simulator under TLS is trusted by all that Python opens from now on."""
    os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = authority
