#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "uplinkd/wire.h"
#include "wire/frame.h"

/*
 * Anchors: what compact data frames of one path are relative to (include/uplinkd/wire.h, section
 * 4). Both sides begin with all zero, at the start and with each new session.
 */
struct anchor {
	uint64_t number; /* packet number of the datagram that set it */
	uint32_t seq, time;
	uint8_t phase;
	uint8_t prefix_len;
	uint8_t prefix[WIRE_PREFIX_MAX];
};

/* Of who sends. */
struct anchor_sender {
	bool has_current, has_pending;
	struct anchor current; /* known to have arrived */
	struct anchor pending; /* on its way */
};

/* Chooses the form in which a media packet leaves as datagram @number. @data comes with prefix, seq
 * and time as they are, and is ready for frame_encode_data() afterwards. */
void anchor_choose(struct anchor_sender *sender, uint64_t number, struct frame_data *data);
/* Datagram @number of the path arrived; was lost. */
void anchor_acked(struct anchor_sender *sender, uint64_t number);
void anchor_lost(struct anchor_sender *sender, uint64_t number);

/* Of who receives. */
struct anchor_receiver {
	struct anchor ring[WIRE_ANCHORS];
	unsigned count;
};

/* Makes whole what frame_decode() gave from datagram @number: takes note of an anchor, gives a
 * compact frame its prefix (valid until the next call), seq and time. False: its anchor is not
 * known. */
bool anchor_resolve(struct anchor_receiver *receiver, uint64_t number, struct frame_data *data);
