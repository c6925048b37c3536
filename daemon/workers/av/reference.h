#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream/ts.h"

/*
 * Whether the clock references (PCR) of a transport stream fit its time stamps. Nothing here goes
 * by them, but a player does, and what passes keeps them. Pure.
 *
 * A picture is decoded some time after its bytes came by the clock of its PID: 10 s at most
 * (ISO/IEC 13818-1, 2.4.2.6), and a second late is taken for a careless multiplexer. One that does
 * not fit may be damage or a jump of both; REFERENCE_ROW in a row are wrong.
 */
#define REFERENCE_ROW 3

struct reference {
	struct ts_align align;
	bool known;    /* a clock reference has come */
	uint16_t pid;  /* of the last one */
	uint64_t base; /* its 90 kHz */
	unsigned row;
	uint64_t wrong; /* time stamps */
};

void reference_init(struct reference *reference);
/* What was read of the stream. */
void reference_feed(struct reference *reference, const uint8_t *data, size_t len);
