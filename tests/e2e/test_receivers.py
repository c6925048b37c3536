#!/usr/bin/env python3
"""Several receivers: when one is gone the stream goes on over the next; when it is the uplinks that
are gone it does not."""
# Runs beside another.
import os
import socket
import time

import media
from media import Checker, case, check, free_port, wait_for
from pair import Program, Relays, write_key

LATENCY = 500


class Output:
    """A UDP port for an output: when something last came."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"udp://127.0.0.1:{self.socket.getsockname()[1]}"

    def first(self, timeout):
        """Drops what waits; the time until something comes."""
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(2048)
        except BlockingIOError:
            pass
        begin = time.monotonic()
        self.socket.settimeout(timeout)
        self.socket.recv(2048)
        return time.monotonic() - begin


class Receivers:
    """Two receivers, a sender that knows both, two uplinks on loopback and a stream of 4 Mb/s."""

    def __init__(self, directory, outputs, seconds, ports=None, relayed=None):
        self.key = write_key(directory)
        self.ports = ports or [free_port(), free_port()]
        self.receivers = [
            Program("receive", directory, "--listen", f"127.0.0.1:{port}", "--key-file", self.key,
                    "--latency", f"{LATENCY}ms", "--output", url)
            for port, url in zip(self.ports, outputs)]
        words = [word for port in self.ports for word in
                 ("--to", relayed[port] if relayed else f"127.0.0.1:{port}")]
        entry = free_port()
        self.sender = Program("send", directory, "--input", f"udp://127.0.0.1:{entry}", *words,
                              "--key-file", self.key, "--latency", f"{LATENCY}ms", "--uplink",
                              "one=127.0.0.2", "--uplink", "two=127.0.0.3")
        self.sender.wait_line(r"transport: (connected|streaming)", 15)
        self.generator = media.Process(
            [os.path.join(media.TESTS, "tsgen"), "--rate", "4M", "--seconds", str(seconds), "--to",
             f"udp://127.0.0.1:{entry}"], name="tsgen", stdout="lines")

    def wait_media(self, receiver):
        """Until the receiver hands media on."""
        wait_for(lambda: self.receivers[receiver].snapshot().get("bond", {}).get(
            "media_delivered", 0) > 200, 20, f"media out of receiver {receiver}")


@case
def a_receiver_that_is_killed_is_replaced_within_three_seconds(directory):
    first, second = Output(), Output()
    chain = Receivers(directory, (first.url, second.url), 20)
    chain.wait_media(0)
    check(chain.receivers[1].snapshot()["bond"]["media_delivered"] == 0,
          "the second receiver gets media although the first is there")
    chain.receivers[0].kill()
    took = second.first(10)
    print(f"# media out of the second receiver {took:.2f} s after the end of the first")
    check(took < 3, f"media flows again after {took:.2f} s only")
    chain.sender.wait_line(rf"going on to 127.0.0.1:{chain.ports[1]}", 1)
    # Its coming back changes nothing: who works stays.
    delivered = chain.receivers[1].snapshot()["bond"]["media_delivered"]
    again = Program("receive", directory, "--listen", f"127.0.0.1:{chain.ports[0]}", "--key-file",
                    chain.key, "--latency", f"{LATENCY}ms", "--output", first.url)
    wait_for(lambda: chain.receivers[1].snapshot()["bond"]["media_delivered"] > delivered + 500,
             10, "more media out of the second receiver")
    check(not again.snapshot()["bond"]["session_up"], "the first one is used again")
    for program in (chain.sender, chain.receivers[1], again):
        check(program.stop() == 0, program.report)


@case
def an_outage_of_all_uplinks_changes_no_receiver(directory):
    outputs, ports = (Checker("--idle", "6", "--wait", "40"), Output()), [free_port(), free_port()]
    relays = [Relays(port, link="rate=20M delay=20ms") for port in ports]
    chain = Receivers(directory, (f"udp://127.0.0.1:{outputs[0].port}", outputs[1].url), 10, ports,
                      {port: relay.address["link"] for port, relay in zip(ports, relays)})
    chain.wait_media(0)
    for relay in relays:
        relay.tell("link outage=blackhole")
    wait_for(lambda: chain.sender.snapshot()["uplinks"][0]["state"] in ("suspect", "muted", "dead"),
             5, "the silence")
    # Longer than a receiver that is gone would be waited for.
    begin = time.monotonic()
    chain.sender.wait_line("uplink one: muted", 10)
    wait_for(lambda: time.monotonic() > begin + 2.5, 5, "the outage")
    for relay in relays:
        relay.tell("link outage=none")
    delivered = chain.receivers[0].snapshot()["bond"]["media_delivered"]
    wait_for(lambda: chain.receivers[0].snapshot()["bond"]["media_delivered"] > delivered + 300,
             10, "media out of the first receiver again")
    check(not any("going on to" in line for line in chain.sender.errors),
          "the sender went to another receiver")
    check(chain.receivers[1].snapshot()["bond"]["sessions"] == 0, "the second one has a session")
    for program in (chain.sender, *chain.receivers):
        check(program.stop() == 0, program.report)


if __name__ == "__main__":
    media.main()
