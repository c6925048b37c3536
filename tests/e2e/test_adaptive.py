#!/usr/bin/env python3
"""The live bitrate follows the bond, the recording does not: the whole chain with a real encoder."""
import os
import tempfile
import time

import media
from live import Chain, make_source
from media import case, check

SIZE = {"width": 640, "height": 360}


@case
def live_stream_follows_the_bond_and_the_recording_stays_whole():
    with tempfile.TemporaryDirectory() as directory:
        source = make_source(os.path.join(directory, "content.ts"), 8000000, seconds=30, **SIZE)
        chain = Chain(directory, {"one": "rate=1800k delay=10ms queue=300ms",
                                  "two": "rate=1500k delay=25ms queue=300ms",
                                  "three": "rate=1200k delay=40ms queue=300ms"},
                      "--encoder", "builtin", "--advice-min", "500k")
        encoder = chain.send(source)
        time.sleep(12)  # of the stream: part of the scenario
        before, lost_before = chain.advice(), chain.receiver.snapshot()["bond"]["media_lost"]
        chain.relays.tell("* up.rate=700k")
        time.sleep(10)  # of the stream
        after = chain.advice()
        check(encoder.wait(40) == 0, encoder.report)
        chain.drained()
        bond = chain.receiver.snapshot()["bond"]
        chain.stop()
        original, arrived = chain.sent(), chain.arrived()
        pictures, errors = media.read_pictures(arrived, **SIZE), media.decode_errors(arrived)
        print(f"  advice {before / 1e6:.2f} Mb/s of 4.5, then {after / 1e6:.2f} of 2.1; sent "
              f"{len(original) * 8 / 30e6:.1f} Mb/s, carried "
              f"{os.path.getsize(arrived) * 8 / 30e6:.1f} Mb/s; lost {bond['media_lost']}; "
              f"{pictures}; {len(errors)} decode errors")
        check(lost_before == 0, f"lost {lost_before} media packets while nothing changed")
        # More than half of the capacity is gone at once: what is already encoded may not fit.
        check(bond["media_lost"] <= bond["media_delivered"] / 100, f"lost {bond['media_lost']}")
        check(2000000 < before < 4500000, f"advice {before} on 4.5 Mb/s")
        check(after < 2100000, f"advice {after} on 2.1 Mb/s")
        check(bool(errors) <= bool(bond["media_lost"]), f"decode errors: {errors[:3]}")
        check(len(pictures.numbers) > 850 and pictures.missing <= 10, str(pictures))


@case
def command_of_the_user_is_told_the_bitrate():
    with tempfile.TemporaryDirectory() as directory:
        source = make_source(os.path.join(directory, "content.ts"), 1500000, seconds=8, **SIZE)
        told = os.path.join(directory, "told")
        chain = Chain(directory, {"one": "rate=3M delay=10ms", "two": "rate=3M delay=20ms"},
                      "--encoder", "exec", "--encoder-command", f"exec cat >> {told}")
        with chain.send(source) as encoder:
            check(encoder.wait(30) == 0, encoder.report)
        chain.stop()
        with open(told, encoding="ascii") as file:
            lines = file.read().splitlines()
        check(lines and all(line.split()[0] == "bitrate" and
                            1000000 <= int(line.split()[1]) <= 10000000 for line in lines),
              f"told {lines[:5]}")


if __name__ == "__main__":
    media.main()
