#!/usr/bin/env python3
"""A path that swallows long packets without a word is found and told."""
import json
import os
import subprocess

import media
from media import case, check, free_port, wait_for
from pair import Program, Relays, write_key


@case
def a_path_that_swallows_long_packets_is_told_and_the_stream_lives(directory):
    port, entry, key = free_port(), free_port(), write_key(directory)
    receiver = Program("receive", directory, "--listen", f"127.0.0.1:{port}", "--key-file", key,
                       "--output", f"udp://127.0.0.1:{free_port()}")
    relays = Relays(port, good="rate=20M delay=5ms", hole="rate=20M delay=5ms mtu=1300")
    sender = Program("send", directory, "--input", f"udp://127.0.0.1:{entry}", "--to",
                     f"127.0.0.1:{port}", "--key-file", key, *[
                         word for name, address in relays.address.items()
                         for word in ("--uplink", f"{name}=127.0.0.1,to={address}")])
    sender.wait_line(r"transport: (connected|streaming)", 15)
    media.Process([os.path.join(media.TESTS, "tsgen"), "--rate", "4M", "--seconds", "40", "--to",
                   f"udp://127.0.0.1:{entry}"], name="tsgen", stdout="lines")
    sender.wait_line("check: uplink hole: it swallows long packets: .* and none arrived", 35)
    found = wait_for(lambda: [f for f in sender.snapshot().get("findings", [])
                              if f["code"] == "mtu-black-hole"], 5, "the finding")
    check(found[0]["uplink"] == "hole" and "MTU" in found[0]["advice"], found)
    done = subprocess.run([os.path.join(media.BIN, "uplinkctl"), "doctor", "--json", "--socket",
                           sender.control], capture_output=True, check=False, timeout=10)
    codes = [f["code"] for f in json.loads(done.stdout)]
    check("mtu-black-hole" in codes and codes.count("mtu-black-hole") == 1, codes)
    check(receiver.snapshot()["bond"]["media_delivered"] > 1000, "the stream does not flow")
    check(sender.stop() == 0 and receiver.stop() == 0, sender.report)


if __name__ == "__main__":
    media.main()
