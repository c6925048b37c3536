#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "stream/ts.h"

/*
 * Reads MPEG-TS from standard input in pieces of random size, tells the class of each video access
 * unit as one digit per line (9: never known), and at last what was counted. With an argument, the
 * packets go there, to be compared with the input.
 */

struct unit {
	int class; /* of the unit being read; -1: none yet */
};

static void unit_end(const struct unit *unit)
{
	if (unit->class >= 0)
		printf("%d\n", unit->class);
}

static void on_packet(struct ts *ts, const uint8_t *packet, struct unit *unit)
{
	struct ts_info info;

	if (!ts_read(ts, packet, &info) || info.kind != TS_KIND_VIDEO || !info.packet.has_payload)
		return;
	if (info.unit_start) {
		unit_end(unit);
		unit->class = 9;
	}
	if (unit->class >= 0 && info.class_known)
		unit->class = info.class;
}

int main(int argc, char **argv)
{
	static struct ts_align align;
	static struct ts ts;
	static uint8_t buffer[65536];
	FILE *copy = argc > 1 ? fopen(argv[1], "wb") : NULL;
	struct rng rng = rng_of(1);
	struct unit unit = { .class = -1 };
	ssize_t n;

	ts_align_init(&align);
	ts_init(&ts);
	while ((n = read(STDIN_FILENO, buffer, 1 + rng_below(&rng, sizeof(buffer)))) > 0) {
		const uint8_t *data = buffer, *run;
		size_t len = (size_t)n, packets;

		while ((packets = ts_align_next(&align, &data, &len, &run))) {
			for (size_t i = 0; i < packets; i++)
				on_packet(&ts, run + i * TS_PACKET_BYTES, &unit);
			if (copy && fwrite(run, TS_PACKET_BYTES, packets, copy) != packets)
				return 1;
		}
	}
	unit_end(&unit);
	if (copy && fclose(copy))
		return 1;
	printf("garbage %llu missing %llu errors %llu tables %llu\n",
	       (unsigned long long)align.garbage, (unsigned long long)ts.missing,
	       (unsigned long long)ts.errors, (unsigned long long)ts.tables);
	return 0;
}
