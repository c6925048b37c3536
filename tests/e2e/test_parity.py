#!/usr/bin/env python3
"""Parity between the real programs, where the latency leaves no time for a second try."""
import media
from media import case, check
from pair import Pair, Relays, sent_by

LINK = "rate=20M delay={delay}ms loss=2%"


def pair_over(directory, delay, latency):
    """Two uplinks through one bad link."""
    relays = []

    def through(port):
        relays.append(Relays(port, link=LINK.format(delay=delay)))
        return int(relays[0].address["link"].rsplit(":", 1)[1])

    return Pair(directory, latency, through=through).wait_connected(), relays[0]


@case
def what_no_repair_can_reach_comes_back_from_parity(directory):
    pair, _relays = pair_over(directory, 120, 300)
    sent = sent_by(pair.generator("2M", 10))
    result = pair.checker.result()
    sender, receiver = (program.snapshot()["bond"] for program in (pair.sender, pair.receiver))
    packets = receiver["media_delivered"] + receiver["media_lost"]
    print(f"# {packets} media packets, {receiver['media_recovered']} got back, "
          f"{receiver['media_lost']} lost; {sender['parity_packets']} of parity; "
          f"{result['lost']} of {sent} TS packets lost")
    # 2 % would be lost: of so many packets, half of that comes by chance once in 10 000 runs.
    check(receiver["media_recovered"] > packets / 100, "too few came back")
    check(receiver["media_lost"] < packets / 200, "a quarter of the losses was left")
    check(sender["parity_packets"] < packets / 3 + 10, "too much parity")
    pair.stop()


@case
def where_there_is_time_for_repair_no_parity_is_sent(directory):
    pair, _relays = pair_over(directory, 20, 300)
    sent = sent_by(pair.generator("6M", 4))
    check(pair.checker.result()["lost"] < sent / 1000, "repair does not repair")
    check(pair.sender.snapshot()["bond"]["parity_packets"] == 0, "parity was sent")
    check(pair.receiver.snapshot()["bond"]["media_recovered"] == 0, "and used")
    pair.stop()


if __name__ == "__main__":
    media.main()
