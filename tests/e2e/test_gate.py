#!/usr/bin/env python3
"""The gate with real encoders and a real decoder: whatever it leaves out, the decoder finds nothing
to complain about, each picture that is left is the original one, and the sound is untouched."""
import concurrent.futures
import json
import os
import subprocess

import media
from media import case, check

SECONDS, GOP = 40, 11
SEEDS = range(1, 6)
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-g", str(GOP), "-sc_threshold", "0")
H265 = ("-c:v", "libx265", "-preset", "superfast", "-g", str(GOP), "-bf", "3")
X265 = "log-level=none:scenecut=0:pools=1:frame-threads=1"


def encode(directory, *codec):
    path = os.path.join(directory, "source.ts")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                    f"testsrc2=s=160x96:r=25:d={SECONDS}", "-f", "lavfi", "-i",
                    f"sine=d={SECONDS}", *codec, "-c:a", "aac", "-y", path],
                   check=True, timeout=120)
    return path


def pictures(path):
    """{time stamp: checksum} of the decoded pictures, and what ffmpeg complained about."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "warning", "-copyts", "-i", path, "-map",
                           "0:v", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f",
                           "framemd5", "-"], capture_output=True, check=True, timeout=60)
    found = {}
    for line in done.stdout.decode().splitlines():
        if not line.startswith("#"):
            fields = line.split(",")
            found[int(fields[2])] = fields[5].strip()
    complaints = [line for line in done.stderr.decode().splitlines()
                  # The last picture of all has no next one to tell its length.
                  if "no PTS found at end of file" not in line]
    return found, complaints


def sound(path):
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:a", "-c",
                           "copy", "-f", "md5", "-"], capture_output=True, check=True,
                          timeout=60).stdout


def gate(source, target, seed):
    with open(source, "rb") as data, open(target, "wb") as out:
        done = subprocess.run([os.path.join(media.TESTS, "gatecut"), str(seed)], stdin=data,
                              stdout=out, stderr=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stderr)


def clocks(path):
    """All values of the clocks in the stream, in order."""
    with open(path, "rb") as file:
        data = file.read()
    found = []
    for at in range(0, len(data), 188):
        packet = data[at:at + 188]
        if packet[3] & 0x20 and packet[4] >= 7 and packet[5] & 0x10:
            base = int.from_bytes(packet[6:12], "big")
            found.append((base >> 15) / 90000)
    return found


def cut(directory, source, seed, expected):
    """One run through the gate: (cuts, pictures left, others than the original, complaints)."""
    target = os.path.join(directory, f"cut-{seed}.ts")
    told = gate(source, target, seed)
    left, complaints = pictures(target)
    wrong = [pts for pts, digest in left.items() if expected.get(pts) != digest]
    check(media.continuity_errors(target) == 0, f"seed {seed}: the continuity counters have gaps")
    check(sound(source) == sound(target), f"seed {seed}: the sound is not the original one")
    check(clocks(source) == clocks(target), f"seed {seed}: the clock is not the original one")
    check(told["cuts"] and told["waiting"] and told["clocks"], told)
    check(len(left) <= len(expected) - told["waiting"] - told["disposable"] - told["leading"] -
          told["keys"] + GOP, f"seed {seed}: {len(left)} pictures left: {told}")
    return told["cuts"], len(left), len(wrong), complaints


def cuts(directory, *codec):
    """Random cuts of one stream: (cuts, pictures left, others than the original, complaints)."""
    source = encode(directory, *codec)
    expected, complaints = pictures(source)
    check(not complaints, f"of the source itself: {complaints[:3]}")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda seed: cut(directory, source, seed, expected), SEEDS))
    total = [sum(run[i] for run in runs) for i in range(3)]
    lines = [line for run in runs for line in run[3]]
    print(f"  {total[0]} cuts, {total[1]} of {len(SEEDS) * len(expected)} pictures left, of them "
          f"{total[2]} not the original ones; {len(lines)} complaints")
    return *total, lines


@case
def h264_and_h265_are_cut_a_thousand_times_without_a_complaint(directory):
    total = 0
    for codec in ((*H264, "-bf", "3", "-b_strategy", "0", "-x264-params", "open-gop=0"),
                  (*H264, "-tune", "zerolatency"),
                  (*H264, "-bf", "2", "-flags", "+ildct+ilme", "-x264-params", "tff=1:open-gop=0"),
                  (*H265, "-x265-params", f"{X265}:open-gop=1"),
                  (*H265, "-x265-params", f"{X265}:open-gop=0")):
        number, _, wrong, complaints = cuts(directory, *codec)
        check(not wrong, f"{wrong} pictures are not the original ones")
        check(not complaints, f"the decoder complains: {complaints[:5]}")
        total += number
    check(total >= 1000, f"{total} cuts")


@case
def h264_without_idr_pictures_goes_on_all_the_same(directory):
    # Decoders fill the hole in the frame numbers with old pictures and may tell so.
    number, left, wrong, _ = cuts(directory, *H264, "-bf", "3", "-b_strategy", "0", "-x264-params",
                                  "open-gop=1")
    check(number > 10 and wrong < left / 2, f"{number} cuts, {left} left, {wrong} wrong")


@case
def a_stream_that_fits_passes_bit_for_bit(directory):
    source, target = encode(directory, *H264), os.path.join(directory, "whole.ts")
    told = gate(source, target, 0)
    with open(source, "rb") as first, open(target, "rb") as second:
        check(first.read() == second.read(), told)


if __name__ == "__main__":
    media.main()
