#!/usr/bin/env python3
"""uplinkd-srt when peers, networks and readers fail."""
# Runs beside another.
import subprocess
import time

from media import Worker, case, check, free_port, main, wait_for
from srtlab import MESSAGE, PACKET, Relay, Sink, feed, packets, receiver, sender, stats


@case
def on_the_inner_leg_the_newest_session_wins_and_the_old_one_plays_out():
    rx = receiver("--inner")
    old = sender(rx.port, "--inner", "--latency", "1500")
    first, second = packets(700, seed=1), packets(700, seed=2)
    feed(old.stdin, first, rate=2_000_000)
    # Everything is under way or in the receiver's buffer; nothing has been played.
    wait_for(lambda: stats(rx).get("buffer_ms", 0) > 0, 5, "data in the buffer")
    old.kill()
    new = sender(rx.port, "--inner", "--latency", "1500")
    feed(new.stdin, second, rate=2_000_000)
    rx.sink.wait(len(first) + len(second))
    check(rx.sink.data == first + second, "the streams do not follow each other")


@case
def what_is_buffered_plays_out_after_the_peer_said_goodbye():
    rx = receiver("--inner")
    tx = sender(rx.port, "--inner", "--latency", "2000")
    data = packets(3500)
    feed(tx.stdin, data, rate=1_000_000)
    tx.stdin.close()
    check(tx.wait(10) == 0, tx.report)
    rx.sink.wait(len(data))
    check(rx.sink.data == data, "the stream differs")
    rx.wait_line(r"disconnected; waiting for a caller")
    again = sender(rx.port, "--inner", "--latency", "50")
    feed(again.stdin, data[:MESSAGE])
    rx.sink.wait(len(data) + MESSAGE)


@case
def a_sender_connects_again_when_its_peer_returns():
    port = free_port()
    rx = receiver("--latency", "50", listen=f"127.0.0.1:{port}")
    tx = sender(port, "--latency", "50")
    pid = tx.pid
    data = packets(700)
    feed(tx.stdin, data)
    rx.sink.wait(len(data))
    rx.kill()
    tx.wait_event("state", 15, state="reconnecting")
    rx = receiver("--latency", "50", listen=f"127.0.0.1:{port}")
    rx.wait_event("state", 20, state="connected")
    wait_for(lambda: stats(tx).get("connected"), 5, "the connection")
    feed(tx.stdin, data)
    rx.sink.wait(len(data))
    check(rx.sink.data == data and tx.alive() and tx.pid == pid, "not the same stream")


@case
def a_reader_that_stalls_costs_whole_packets_and_nothing_else():
    rx = Worker(["uplinkd-srt", "receive", "--listen", "127.0.0.1:0", "--latency", "50"],
                stdout=subprocess.PIPE)
    port = rx.wait_event("ready")["port"]
    tx = sender(port, "--latency", "50", "--rate-max", "100000000")
    data = packets(84000)
    feed(tx.stdin, data, rate=6_000_000)
    alarm = rx.wait_event("alarm", id="output-stalled", active=True)
    check("bytes dropped" in alarm["text"], str(alarm))
    sink = Sink(rx.stdout)
    rx.wait_event("alarm", id="output-stalled", active=False)
    wait_for(lambda: stats(rx)["bytes"] + stats(rx)["dropped_bytes"] == len(data), 10,
             "the balance")
    check(stats(rx)["dropped_bytes"] > 0, "nothing was dropped")
    sink.wait(stats(rx)["bytes"])
    check(len(sink.data) % PACKET == 0, "not whole packets")
    whole = {data[i:i + PACKET] for i in range(0, len(data), PACKET)}
    check(all(bytes(sink.data[i:i + PACKET]) in whole
              for i in range(0, len(sink.data), PACKET)), "a packet is damaged")


@case
def a_relay_may_hold_the_data_for_ten_seconds():
    rx = receiver("--inner")
    with Relay(rx.port) as relay:
        tx = sender(relay.port, "--inner", "--latency", "15000")
        data = packets(7 * 3800)
        begin = time.monotonic()
        held = False

        def hold():
            nonlocal held
            if not held and time.monotonic() - begin > 1:
                held = True
                relay.hold(10)
            return False
        feed(tx.stdin, data, rate=400_000, until=hold)
        rx.sink.wait(len(data), 40)
        check(rx.sink.data == data, "the stream differs")
        check(relay.held_max > 1000, f"held {relay.held_max} packets only")
        check(relay.retransmitted < 20, f"{relay.retransmitted} retransmissions")
        check(tx.alive() and rx.alive(), "a worker ended")
        late = rx.sink.arrivals[0][0] - begin
        check(14.5 < late < 17, f"the first packet came after {late:.2f} s")


@case
def a_blackout_of_eight_seconds_does_not_end_the_inner_session():
    rx = receiver("--inner")
    with Relay(rx.port) as relay:
        tx = sender(relay.port, "--inner", "--latency", "500")
        data = packets(7 * 4000)
        begin = time.monotonic()

        def disturb():
            relay.block(1 < time.monotonic() - begin < 9)
            return False
        feed(tx.stdin, data, rate=500_000, until=disturb)
        # What comes after the blackout arrives; what was sent in it is too late.
        tail = data[-200 * MESSAGE:]
        wait_for(lambda: rx.sink.data.endswith(tail), 20, "the end of the stream")
        check(len([1 for _, e in tx.events if e.get("state") == "connected"]) == 1,
              "it connected again")


@case
def a_pulling_receiver_connects_again():
    port = free_port()
    rx = Worker(["uplinkd-srt", "receive", "--from", f"127.0.0.1:{port}", "--latency", "50"],
                stdout=subprocess.PIPE)
    sink = Sink(rx.stdout)
    data = packets(700)
    for turn in (1, 2):
        tx = Worker(["uplinkd-srt", "send", "--listen", f"127.0.0.1:{port}", "--latency", "50"],
                    stdin=subprocess.PIPE)
        tx.wait_event("ready")
        wait_for(lambda: stats(tx).get("players") == 1, 20, "the player")
        feed(tx.stdin, data)
        sink.wait(turn * len(data))
        tx.kill()
    check(sink.data == data + data, "the streams differ")


if __name__ == "__main__":
    main()
