#!/usr/bin/env python3
"""What viewers get over uplinks that do not carry the stream: with an encoder that follows, and with
none, where the gate has to do it."""
import collections
import os
import subprocess

import media
from live import Capture, Chain, delays, make_source, percentile, radio_traces
from media import case, check

SIZE = {"width": 640, "height": 360}


def sound(path):
    """The checksum of each packet of sound."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:a", "-c",
                           "copy", "-f", "framemd5", "-"], capture_output=True, check=True, timeout=60)
    return [line.split(",")[5].strip() for line in done.stdout.decode().splitlines()
            if not line.startswith("#")]


def ended(chain, encoder):
    """The end of the stream: the job of the gate, and the receiver's bond."""
    check(encoder.wait(60) == 0, encoder.report)
    gate = chain.job("gate")
    chain.drained()
    bond = chain.receiver.snapshot()["bond"]
    chain.stop()
    return gate, bond


def clean(chain, name, gate, bond):
    """Fails unless everything arrived that passed the gate, all sound among it; the pictures."""
    original, arrived = chain.sent(), chain.arrived()
    pictures = media.read_pictures(arrived, **SIZE)
    errors = media.decode_errors(arrived, "0" if pictures.numbers else "0:a")
    heard, spoken = sound(arrived), sound(os.path.join(chain.directory, "sent.ts"))
    missing = (collections.Counter(spoken) - collections.Counter(heard)).total()
    print(f"  {name}: {len(original) / 1e6:.1f} MB: {len(pictures.numbers)} pictures, {missing} of "
          f"{len(spoken)} packets of sound missing, {len(errors)} decode errors, "
          f"{bond['media_lost']} media packets lost; {gate['reason']}")
    check(bond["media_lost"] == 0, f"{name}: {bond['media_lost']} media packets lost")
    check(not errors and not pictures.unreadable, f"{name}: decode errors: {errors[:3]}")
    check(missing == 0, f"{name}: {missing} of {len(spoken)} packets of sound are missing")
    return pictures


@case
def the_gate_keeps_sound_and_clean_pictures_at_half_of_the_capacity(directory):
    source = make_source(os.path.join(directory, "content.ts"), 4000000, seconds=24, codec="h264b",
                         **SIZE)
    chain = Chain(directory, {"one": "rate=900k delay=20ms queue=300ms",
                              "two": "rate=700k delay=35ms queue=300ms",
                              "three": "rate=500k delay=50ms queue=300ms"})
    gate, bond = ended(chain, chain.send(source))
    pictures = clean(chain, "2.1 Mb/s", gate, bond)
    check("below 2 Mb/s" in gate["alarm"], f"alarm: {gate['alarm']}")
    check(len(pictures.numbers) > 40, f"{len(pictures.numbers)} pictures")


@case
def the_first_seconds_are_clean_over_any_uplinks(directory):
    """What uplinks carry is seen before pictures hang on it. Side by side, to save time."""
    seconds = 6
    source = make_source(os.path.join(directory, "content.ts"), 4000000, seconds=seconds,
                         codec="h264b", **SIZE)
    starts = {"three small ones": ["rate=300k delay=20ms", "rate=300k delay=35ms",
                                   "rate=300k delay=50ms"],
              "one alone": ["rate=2100k delay=30ms"],
              "far": ["rate=1600k delay=20ms", "rate=500k delay=100ms"],
              "ample ones": ["rate=10M delay=20ms", "rate=10M delay=35ms", "rate=10M delay=50ms"]}
    chains = {}
    for name, links in starts.items():
        place = os.path.join(directory, name.replace(" ", "-"))
        os.makedirs(place)
        chains[name] = Chain(place, {f"link{i}": f"{link} queue=300ms"
                                     for i, link in enumerate(links)})
    encoders = {name: chain.send(source) for name, chain in chains.items()}
    for name, chain in chains.items():
        pictures = clean(chain, name, *ended(chain, encoders[name]))
        if name == "ample ones":
            check(len(pictures.numbers) == 30 * seconds and not pictures.missing,
                  f"{name}: {pictures}")


@case
def an_encoder_that_follows_leaves_no_gap(directory):
    seconds = 24
    source = make_source(os.path.join(directory, "content.ts"), 4000000, seconds=seconds, **SIZE)
    traces, mean = radio_traces(directory, 60, 900000, 4500000, seconds)
    links = {name: f"up.trace={path} delay={20 + 12 * i}ms queue=400ms"
             for i, (name, path) in enumerate(traces.items())}
    before, behind = Capture(), Capture()
    chain = Chain(directory, links, "--encoder", "builtin", "--advice-min", "300k", "--advice-start",
                  "1M", output=behind.url)
    encoder = chain.send(source, before.url + "?pkt_size=1316")
    check(encoder.wait(60) == 0, encoder.report)
    gate = chain.job("gate")
    chain.drained()
    bond = chain.receiver.snapshot()["bond"]
    chain.stop()
    before.close()
    behind.close()
    chain.sent()
    arrived = chain.arrived()
    pictures, errors = media.read_pictures(arrived, **SIZE), media.decode_errors(arrived)
    took = delays(before, behind)
    p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
    print(f"  {behind.bps() / 1e6:.2f} Mb/s of {mean / 1e6:.2f} on average; longest step "
          f"{behind.step_max() * 1000:.0f} ms; delay p50 {p50 * 1000:.0f}, p99 {p99 * 1000:.0f} ms "
          f"({len(took)} pictures); {len(errors)} decode errors, {bond['media_lost']} of "
          f"{bond['media_delivered']} media packets lost; {pictures.missing} of {len(pictures.numbers)} pictures missing; {gate['reason']}")
    check(bond["media_lost"] <= bond["media_delivered"] / 200, f"lost {bond['media_lost']}")
    check(bool(errors) <= bool(bond["media_lost"]), f"decode errors: {errors[:3]}")
    check(pictures.unreadable == 0 or errors, f"{pictures.unreadable} pictures cannot be read")
    check(len(pictures.numbers) > 25 * seconds, str(pictures))
    # The encoder and the SRT input take 0.2 s of the second, not 0.2 s beside it.
    check(p50 < 1.1, f"from the encoder to the output: {p50 * 1000:.0f} ms")


if __name__ == "__main__":
    media.main()
