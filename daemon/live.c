#include "live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "stream/gate.h"
#include "stream/origin.h"
#include "sys/log.h"

/*
 * The gate is told of the bond as often as a decision may hang on it: when packets come and the
 * last view is VIEW_AGE old. While keyframes are left out, little is sent and little is learnt of
 * what the paths could carry; so with each of them the bond is asked to try.
 *
 * Of the latency, what is before the bond may take LAG_SHARE: if an encoder is slower, or the
 * latency of an SRT input greater, then the whole way takes that much longer.
 *
 * The log tells when the gate begins to act and when everything passed for CALM again, not each
 * step in between: a stream that is twice too large goes through all of them with each keyframe.
 */
#define RING_BYTES  (4 * 1024 * 1024)
#define BOUND_AGE   (2 * USEC_PER_SEC)
#define VIEW_AGE    (10 * USEC_PER_MS)
#define HOLD_MIN    (50 * USEC_PER_MS)
#define LAG_SHARE   3  /* a third */
#define BATCH	    64 /* packets handed on at once */
#define KEY_SPACING (500 * USEC_PER_MS)
#define CALM	    (5 * USEC_PER_SEC)
#define LOW_BPS	    2000000 /* below it, a picture is seen to be poor */
#define LOW_FOR	    (2 * USEC_PER_SEC)

struct live {
	struct loop *loop;
	struct bond *bond;
	struct journal *journal;
	struct feeds *output;
	struct feed *feed, *source; /* `source`: of what the encoder gets; NULL: there is none */
	bool follows;
	usec_t viewed_at;
	uint64_t keys; /* left out, as of the last packets */
	uint8_t batch[BATCH * TS_PACKET_BYTES];
	size_t batch_len;
	usec_t captured;     /* of what is in the batch */
	usec_t lag, lag_max; /* of it, and how much may be */

	void (*want_key)(void *owner);
	void *owner;
	usec_t asked_at; /* for a keyframe */

	bool acting; /* a person was told that the gate acts */
	usec_t acted_at;
	uint64_t carried_bps;
	usec_t low_since; /* USEC_NEVER: it is not */
	bool low_told;
	char alarm[128];

	uint64_t last_bytes;
	usec_t last_tick;
	uint64_t rate_bps;
	struct gate gate;     /* large, as the next one: at the end */
	struct origin origin; /* of what comes in */
};

static void view(struct live *live, usec_t now)
{
	struct gate_view view = { .follows = live->follows };
	struct bond_room room;

	live->viewed_at = now;
	bond_room(live->bond, &room, now);
	live->lag_max = room.latency / LAG_SHARE;
	view.rate_bps = room.rate_bps;
	view.starting = !room.tried && !live->follows;
	view.direct = room.feed == BOND_FEED_TS;
	if (room.session_up) {
		view.queue_age = room.queue_age;
		view.queued_bytes = room.queued_bytes;
		view.hold = usec_max(usec_sub(room.hold, live->lag), HOLD_MIN);
	}
	gate_view(&live->gate, &view, now);
}

static void flush_batch(struct live *live)
{
	if (live->batch_len)
		feeds_write_captured(live->output, live->batch, live->batch_len, live->captured);
	live->batch_len = 0;
}

static void pull(struct live *live)
{
	const uint8_t *packet;

	while ((packet = gate_next(&live->gate))) {
		memcpy(live->batch + live->batch_len, packet, TS_PACKET_BYTES);
		live->batch_len += TS_PACKET_BYTES;
		if (live->batch_len == sizeof(live->batch))
			flush_batch(live);
	}
}

static void on_source(void *owner, const uint8_t *packets, size_t len, usec_t captured)
{
	struct live *live = owner;

	for (size_t at = 0; at + TS_PACKET_BYTES <= len; at += TS_PACKET_BYTES)
		origin_in(&live->origin, packets + at, captured);
}

/* What the next packets have for the time of their origin. */
static void set_captured(struct live *live, usec_t captured, usec_t now)
{
	if (captured != live->captured) {
		flush_batch(live);
		live->captured = captured;
	}
	live->lag = usec_since(captured, now);
}

static void ask_key(struct live *live, usec_t now)
{
	if (!live->want_key || !gate_wants_key(&live->gate) ||
	    usec_since(live->asked_at, now) < KEY_SPACING)
		return;
	live->asked_at = now;
	live->want_key(live->owner);
}

static void on_packets(void *owner, const uint8_t *packets, size_t len, usec_t captured)
{
	struct live *live = owner;
	usec_t now = loop_now(live->loop);

	if (usec_since(live->viewed_at, now) >= VIEW_AGE)
		view(live, now);
	if (!live->source)
		set_captured(live, origin_bounded(&live->origin, captured, live->lag_max, now),
			     now);
	for (size_t at = 0; at + TS_PACKET_BYTES <= len; at += TS_PACKET_BYTES) {
		if (live->source)
			set_captured(live,
				     origin_out(&live->origin, packets + at, live->lag_max, now),
				     now);
		gate_put(&live->gate, packets + at, now);
		pull(live);
	}
	flush_batch(live);
	ask_key(live, now);
	if (gate_level(&live->gate) > GATE_LEVEL_START)
		live->acted_at = now;
	if (live->gate.counters.keys != live->keys)
		bond_try(live->bond, now);
	live->keys = live->gate.counters.keys;
}

struct live *live_new(struct loop *loop, struct feeds *input, struct feeds *encoded, bool follows,
		      struct bond *bond, struct journal *journal)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return NULL;
	live->loop = loop;
	live->bond = bond;
	live->follows = follows;
	live->journal = journal;
	live->last_tick = loop_now(loop);
	live->low_since = USEC_NEVER;
	gate_init(&live->gate, loop_now(loop));
	origin_init(&live->origin);
	live->output = feeds_new(loop, RING_BYTES);
	live->feed = feed_new(encoded, FANOUT_RULE_FRESH, RING_BYTES, BOUND_AGE);
	if (encoded != input)
		live->source = feed_new(input, FANOUT_RULE_FRESH, RING_BYTES, BOUND_AGE);
	if (!live->output || !live->feed || (encoded != input && !live->source))
		return live_free(live);
	feed_open(live->feed);
	feed_to_sink(live->feed, on_packets, live);
	if (live->source) {
		feed_open(live->source);
		feed_to_sink(live->source, on_source, live);
	}
	return live;
}

struct live *live_free(struct live *live)
{
	if (!live)
		return NULL;
	live->feed = feed_free(live->feed);
	live->source = feed_free(live->source);
	live->output = feeds_free(live->output);
	free(live);
	return NULL;
}

struct feeds *live_stream(struct live *live)
{
	return live->output;
}

void live_on_want_key(struct live *live, void (*want_key)(void *owner), void *owner)
{
	live->want_key = want_key;
	live->owner = owner;
}

void live_flush(struct live *live)
{
	gate_flush(&live->gate, loop_now(live->loop));
	pull(live);
	flush_batch(live);
}

uint64_t live_picture_bps(struct live *live, uint64_t bps)
{
	return mix_picture_bps(&live->gate.mix, bps, loop_now(live->loop));
}

uint64_t live_stream_bps(struct live *live, uint64_t picture_bps)
{
	return mix_stream_bps(&live->gate.mix, picture_bps, loop_now(live->loop));
}

/* --- what people are told --------------------------------------------------------------------- */

static void tell_gate(struct live *live, usec_t now)
{
	bool acts = live->acted_at && usec_since(live->acted_at, now) < CALM;

	if (acts == live->acting)
		return;
	live->acting = acts;
	if (acts)
		journal_add(
			live->journal, LOG_LEVEL_WARNING, NULL,
			"gate: more comes in than the uplinks carry in time; %s. Lower the bitrate "
			"of the encoder, or let it follow ([encoder] control)",
			gate_level_text(gate_level(&live->gate)));
	else
		journal_add(live->journal, LOG_LEVEL_INFO, NULL,
			    "gate: everything passes again; %" PRIu64 " cuts so far",
			    live->gate.counters.cuts);
}

void live_carried(struct live *live, uint64_t bps)
{
	live->carried_bps = bps;
	if (bps >= LOW_BPS)
		live->low_since = USEC_NEVER;
	else if (live->low_since == USEC_NEVER)
		live->low_since = loop_now(live->loop);
}

static void tell_low(struct live *live, usec_t now)
{
	bool low = live->low_since != USEC_NEVER && usec_since(live->low_since, now) >= LOW_FOR;

	live->alarm[0] = '\0';
	if (low)
		(void)snprintf(live->alarm, sizeof(live->alarm),
			       "the uplinks carry only %" PRIu64 ".%" PRIu64
			       " Mb/s: below 2 Mb/s the "
			       "picture is poor",
			       live->carried_bps / 1000000, live->carried_bps / 100000 % 10);
	if (low == live->low_told)
		return;
	live->low_told = low;
	if (low)
		journal_add(live->journal, LOG_LEVEL_WARNING, NULL, "bitrate: %s", live->alarm);
	else
		journal_add(live->journal, LOG_LEVEL_INFO, NULL,
			    "bitrate: the uplinks carry 2 Mb/s or more again");
}

static uint64_t passed_bytes(const struct live *live)
{
	return feeds_bytes(live->output);
}

void live_tick(struct live *live)
{
	usec_t now = loop_now(live->loop), span = usec_since(live->last_tick, now);
	uint64_t bytes = passed_bytes(live);

	if (span >= USEC_PER_SEC / 2) {
		live->rate_bps = (bytes - live->last_bytes) * 8 * USEC_PER_SEC / span;
		live->last_bytes = bytes;
		live->last_tick = now;
	}
	tell_gate(live, now);
	tell_low(live, now);
}

void live_stats(struct live *live, struct stats *stats)
{
	const struct gate_counters *counters = &live->gate.counters;
	enum gate_level level = gate_level(&live->gate);
	struct stats_job *job = job_stats_place(stats);

	if (!job)
		return;
	job->kind = STATS_JOB_GATE;
	job->bytes = passed_bytes(live);
	job->rate_bps = live->rate_bps;
	job->dropped_bytes = counters->dropped_packets * TS_PACKET_BYTES;
	(void)snprintf(job->name, sizeof(job->name), "gate");
	(void)snprintf(job->state, sizeof(job->state), "%s", gate_level_name(level));
	(void)snprintf(job->reason, sizeof(job->reason),
		       "%s; of %" PRIu64 " pictures left out: %" PRIu64
		       " that no other needs, %" PRIu64 " behind %" PRIu64 " cuts, %" PRIu64
		       " before a keyframe, %" PRIu64 " keyframes",
		       gate_level_text(level), counters->units, counters->disposable,
		       counters->waiting, counters->cuts, counters->leading, counters->keys);
	memcpy(job->alarm, live->alarm, sizeof(live->alarm));
}
