"""Waits until an address answers."""

import sys
import time
import urllib.request

for _ in range(600):
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=5):
            sys.exit(0)
    except OSError:
        time.sleep(0.1)
sys.exit(f"{sys.argv[1]} does not answer")
