"""Every datagram that leaves this network namespace for UDP port 7000, by interface.

Prints "ready"; when standard input closes, a JSON list of flows: interface, source address and
port, number of datagrams and of large ones, and the times (CLOCK_MONOTONIC) of the first large one
and of those after which there was a pause of PAUSE seconds.
"""
import json
import select
import socket
import struct
import sys
import time

ETH_P_ALL = 3
PORT = 7000
LARGE = 1000
PAUSE = 0.1


def datagram(packet):
    """(source address, source port, length) of one for the port, or None."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 28 and packet[9] == socket.IPPROTO_UDP:
        start = (packet[0] & 15) * 4
        if struct.unpack("!H", packet[6:8])[0] & 0x1fff:
            return None  # a further fragment has no ports
        address = socket.inet_ntop(socket.AF_INET, packet[12:16])
    elif version == 6 and len(packet) >= 48 and packet[6] == socket.IPPROTO_UDP:
        start, address = 40, f"[{socket.inet_ntop(socket.AF_INET6, packet[8:24])}]"
    else:
        return None
    source, to = struct.unpack("!HH", packet[start:start + 4])
    return (address, source, len(packet) - start - 8) if to == PORT else None


def main():
    flows = {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([tap, sys.stdin], [], [])
            if sys.stdin in readable:
                break
            packet, where = tap.recvfrom(2048)
            found = datagram(packet) if where[2] == socket.PACKET_OUTGOING else None
            if not found:
                continue
            key = (where[0], found[0], found[1])
            now = time.monotonic()
            flow = flows.setdefault(key, [0, 0, None, now, []])
            flow[0] += 1
            if now > flow[3] + PAUSE:
                flow[4].append(flow[3])
            flow[3] = now
            if found[2] >= LARGE:
                flow[1] += 1
                flow[2] = flow[2] or flow[3]
    print(json.dumps([{"device": key[0], "from": f"{key[1]}:{key[2]}", "datagrams": flow[0],
                       "large": flow[1], "first_large": flow[2], "ends": [*flow[4], flow[3]]}
                      for key, flow in flows.items()]))


main()
