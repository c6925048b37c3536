#pragma once

#include "ctl/stats.h"
#include "journal.h"
#include "net/feed.h"

/*
 * The stream on its way into the bond: what the encoder (or the input) gives goes through the gate,
 * which makes it smaller where the bond cannot carry it. It keeps the time of its origin, from
 * which the latency counts: that of the input, whatever the encoder took since.
 */
struct live;

/* @encoded is what an encoder makes of @input, or @input itself. @follows: it is of an encoder that
 * follows the advice. NULL: out of memory. @bond must outlive it. */
struct live *live_new(struct loop *loop, struct feeds *input, struct feeds *encoded, bool follows,
		      struct bond *bond, struct journal *journal);
struct live *live_free(struct live *live);
/* What is to be sent. */
struct feeds *live_stream(struct live *live);
/* @want_key: the picture stands still, and a keyframe is all that it waits for; not more than
 * twice a second. */
void live_on_want_key(struct live *live, void (*want_key)(void *owner), void *owner);
/* Nothing more comes: what the gate holds back goes on. */
void live_flush(struct live *live);

/* Of a stream of @bps, what its sound, tables and headers leave for the picture; and the other way
 * round (stream/mix). */
uint64_t live_picture_bps(struct live *live, uint64_t bps);
uint64_t live_stream_bps(struct live *live, uint64_t picture_bps);

/* The bitrate that the uplinks carry now, for the warning when it is low. */
void live_carried(struct live *live, uint64_t bps);
/* Once a second. */
void live_tick(struct live *live);
void live_stats(struct live *live, struct stats *stats);
