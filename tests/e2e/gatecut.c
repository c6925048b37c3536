#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "stream/gate.h"

/*
 * MPEG-TS from standard input through the gate to standard output, with a bond that is told to be
 * now better, now worse, at random. Argument: the seed; 0: the bond is always fine. Tells on
 * standard error what was left out.
 */
#define HOLD	    (1000 * USEC_PER_MS)
#define RATE_BPS    8000000
#define TURN_MAX    50 /* packets until the bond changes */
#define PACKET_USEC 5000

static void bond_changes(struct gate *gate, struct rng *rng, uint64_t seed, usec_t now)
{
	static const unsigned ages[] = { 0, 0, 0, 50, 460, 550, 610, 750, 900, 2000 };
	struct gate_view view = {
		.queue_age = ages[rng_below(rng, sizeof(ages) / sizeof(ages[0]))] * USEC_PER_MS,
		.rate_bps = rng_chance(rng, 200000) ? 300000 : RATE_BPS,
		.hold = HOLD,
	};

	if (!seed)
		view = (struct gate_view){ .rate_bps = RATE_BPS, .hold = HOLD };
	gate_view(gate, &view, now);
}

static int give(struct gate *gate)
{
	const uint8_t *packet;

	while ((packet = gate_next(gate)))
		if (fwrite(packet, TS_PACKET_BYTES, 1, stdout) != 1)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	struct rng rng = rng_of(seed);
	static struct gate gate;
	uint8_t packet[TS_PACKET_BYTES];
	uint64_t left = 0;
	usec_t now = 0;

	gate_init(&gate, now);
	while (fread(packet, sizeof(packet), 1, stdin) == 1) {
		if (!left--) {
			bond_changes(&gate, &rng, seed, now);
			left = rng_below(&rng, TURN_MAX);
		}
		now += PACKET_USEC;
		gate_put(&gate, packet, now);
		if (give(&gate))
			return 1;
	}
	gate_flush(&gate, now);
	if (give(&gate) || fflush(stdout))
		return 1;
	fprintf(stderr,
		"{\"packets\":%llu,\"dropped\":%llu,\"units\":%llu,\"cuts\":%llu,\"disposable\":%"
		"llu,"
		"\"waiting\":%llu,\"leading\":%llu,\"keys\":%llu,\"clocks\":%llu}\n",
		(unsigned long long)gate.counters.packets,
		(unsigned long long)gate.counters.dropped_packets,
		(unsigned long long)gate.counters.units, (unsigned long long)gate.counters.cuts,
		(unsigned long long)gate.counters.disposable,
		(unsigned long long)gate.counters.waiting,
		(unsigned long long)gate.counters.leading, (unsigned long long)gate.counters.keys,
		(unsigned long long)gate.counters.clocks);
	return 0;
}
