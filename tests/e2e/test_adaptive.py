#!/usr/bin/env python3
"""The live bitrate follows the bond, the recording does not: the whole chain with a real encoder."""
import os
import tempfile
import time

import media
from media import case, check
from pair import Pair, Program, Relays, recording, write_key

SIZE = {"width": 640, "height": 360}


class Chain(Pair):
    """Pair with uplinks through linksim and recordings on both sides."""

    def __init__(self, directory, links, *options):  # pylint: disable=super-init-not-called
        self.directory, self.latency, self.checker = directory, 1000, None
        self.key, self.port = write_key(directory), media.free_port()
        self.outputs = []
        self.records = {side: os.path.join(directory, side) for side in ("send", "receive")}
        for path in self.records.values():
            os.makedirs(path)
        self.receive_options = ("--record", self.records["receive"])
        self.start_receiver()
        self.relays = Relays(self.port, **links)
        self.input_port = media.free_port()
        uplinks = [word for name, address in self.relays.address.items()
                   for word in ("--uplink", f"{name}=127.0.0.1,to={address}")]
        self.sender = Program("send", directory, "--input", f"srt://:{self.input_port}", "--to",
                              f"127.0.0.1:{self.port}", "--key-file", self.key, "--latency",
                              "1000ms", "--record", self.records["send"], *uplinks, *options)
        self.wait_connected()

    def encode(self, seconds, bitrate, sent):
        """ffmpeg in real time over SRT, the same bytes into @sent; the process."""
        args = media.content_args(seconds=seconds, bitrate=bitrate, **SIZE,
                                  extra_filter="noise=alls=20:allf=t")
        args[args.index("-f"):args.index("-f")] = ["-re"]
        url = f"srt://127.0.0.1:{self.input_port}?pkt_size=1316&linger=5"
        return media.Process(args + ["-map", "0:v", "-map", "1:a", "-flags", "+global_header",
                                     "-bsf:v", "dump_extra=freq=keyframe", "-f", "tee",
                                     f"[f=mpegts]{sent}|[f=mpegts]{url}"], name="ffmpeg")

    def advice(self):
        """What the encoder should use now."""
        return self.sender.snapshot().get("bond", {}).get("advice_bps", 0)


@case
def live_stream_follows_the_bond_and_the_recording_stays_whole():
    with tempfile.TemporaryDirectory() as directory:
        chain = Chain(directory, {"one": "rate=1800k delay=10ms queue=300ms",
                                  "two": "rate=1500k delay=25ms queue=300ms",
                                  "three": "rate=1200k delay=40ms queue=300ms"},
                      "--encoder", "builtin", "--advice-min", "500k")
        sent = os.path.join(directory, "sent.ts")
        encoder = chain.encode(30, 8000000, sent)
        time.sleep(12)  # of the stream: part of the scenario
        before, lost_before = chain.advice(), chain.receiver.snapshot()["bond"]["media_lost"]
        chain.relays.tell("* up.rate=700k")
        time.sleep(10)  # of the stream
        after = chain.advice()
        check(encoder.wait(40) == 0, encoder.report)
        media.wait_for(lambda: sum(job["rate_bps"] for job in chain.receiver.snapshot()["jobs"]) == 0,
                       20, "the end of the stream at the receiver")
        bond = chain.receiver.snapshot()["bond"]
        chain.stop()
        with open(sent, "rb") as file:
            original = file.read()
        check(recording(chain.records["send"]) == original,
              "the sender's recording is not what the encoder sent")
        arrived = os.path.join(directory, "arrived.ts")
        with open(arrived, "wb") as file:
            file.write(recording(chain.records["receive"]))
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
        told = os.path.join(directory, "told")
        chain = Chain(directory, {"one": "rate=3M delay=10ms", "two": "rate=3M delay=20ms"},
                      "--encoder", "exec", "--encoder-command", f"exec cat >> {told}")
        with chain.encode(8, 1500000, os.path.join(directory, "sent.ts")) as encoder:
            check(encoder.wait(30) == 0, encoder.report)
        chain.stop()
        with open(told, encoding="ascii") as file:
            lines = file.read().splitlines()
        check(lines and all(line.split()[0] == "bitrate" and
                            1000000 <= int(line.split()[1]) <= 10000000 for line in lines),
              f"told {lines[:5]}")


if __name__ == "__main__":
    media.main()
