#!/usr/bin/env python3
"""What the stream costs on the uplinks: the bytes of every datagram between the real programs, and
that what was left out is put back."""
import os
import select
import socket
import threading

import media
from media import case, check
from pair import Pair, whole

IP_UDP = 28
PAYLOAD = 7 * 188


class Tap:
    """Passes datagrams on between the sender and the receiver and notes how long they are."""

    def __init__(self):
        self.up, self.down = [], []
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.front.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.backs = {}  # by the address of the uplink

    def start(self, port):
        """Begins; the port to call in place of @port."""
        threading.Thread(target=self._run, args=(port,), daemon=True).start()
        return self.front.getsockname()[1]

    def _back(self, address, port):
        if address not in self.backs:
            self.backs[address] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.backs[address].connect(("127.0.0.1", port))
        return self.backs[address]

    def _run(self, port):
        while True:
            ready = select.select([self.front, *self.backs.values()], [], [])[0]
            for address, back in list(self.backs.items()):
                if back in ready:
                    data = back.recv(2048)
                    self.down.append(len(data))
                    self.front.sendto(data, address)
            if self.front in ready:
                data, address = self.front.recvfrom(2048)
                self.up.append(len(data))
                self._back(address, port).send(data)

    def forget(self):
        """Counts from here on."""
        self.up.clear()
        self.down.clear()


def on_the_way(sizes):
    """Bytes with IP and UDP."""
    return sum(sizes) + IP_UDP * len(sizes)


@case
def a_full_datagram_costs_52_bytes_beyond_its_payload(directory):
    tap = Tap()
    pair = Pair(directory, 500, through=tap.start).wait_connected()
    tap.forget()
    sent = pair.generate("8M", 4)["sent"]
    whole(pair.checker.result(), sent)
    pair.stop()
    full = [size + IP_UDP - PAYLOAD for size in tap.up if size > PAYLOAD]
    mean, usual = sum(full) / len(full), full.count(52) / len(full)
    print(f"# bytes beyond {PAYLOAD}: mean {mean:.2f}, 52 in {usual * 100:.1f} % of {len(full)}; "
          f"in all {on_the_way(tap.up) / (sent * 188) * 100 - 100:.2f} % beyond the stream, "
          f"{on_the_way(tap.down) / (sent * 188) * 100:.2f} % back")
    check(len(full) > 0.9 * sent / 7, f"{len(full)} full datagrams for {sent} packets")
    # The others: the first of a connection, one a second on each path, and those with an anchor.
    check(usual > 0.97 and mean < 52.5, f"mean {mean:.2f}, usual {usual:.3f}")
    check(min(full) >= 44, f"a datagram of {min(full)} bytes beyond the payload")


@case
def null_packets_cost_a_bit_each_and_come_out_bit_for_bit(directory):
    original, copy = os.path.join(directory, "in.ts"), os.path.join(directory, "out.ts")
    tap = Tap()
    pair = Pair(directory, 500, checker=("--idle", "2", "--wait", "40", "--copy", copy),
                through=tap.start).wait_connected()
    tap.forget()
    told = pair.generate("8M", 4, "--null", "600", "--copy", original)
    result = pair.checker.result()
    pair.stop()
    check(result["lost"] == 0 and result["corrupted"] == 0, f"{result}")
    with open(original, "rb") as wanted, open(copy, "rb") as got:
        check(wanted.read() == got.read(), "the output differs from the input")
    nulls = told["null"] * 188 / told["bytes"]
    share = on_the_way(tap.up) / told["bytes"]
    print(f"# {nulls * 100:.1f} % of the stream are null packets; {share * 100:.1f} % go over the "
          "uplinks")
    check(nulls > 0.55, f"{told}")
    # IP and UDP, the seal, the bitmap, and what SRT and the bond say to each other.
    check(share < (1 - nulls) * 1.25, f"{share:.3f} of the stream go over the uplinks")


if __name__ == "__main__":
    media.main()
