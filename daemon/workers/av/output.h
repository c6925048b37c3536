#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/ts.h"

/*
 * Where the transport stream goes: a descriptor that is written to until all is taken. The packets
 * come from one maker after the other, each with continuity counters of its own. Where they do not
 * fit together, a packet without payload is put in between that announces it (ISO/IEC 13818-1,
 * 2.4.3.4): nobody takes the joint for a loss.
 */
struct output {
	int fd;
	bool gone;	/* nobody reads any more */
	uint64_t bytes; /* given so far */
	/* Of the last packet with a payload. */
	uint8_t continuity[TS_PIDS];
	bool seen[TS_PIDS];
	bool joined[TS_PIDS]; /* had such a packet from the present maker */
};

void output_init(struct output *output, int fd);
/* Packets of another maker follow. */
void output_change(struct output *output);
/* Writes whole packets. */
void output_write(struct output *output, const uint8_t *data, size_t len);
