#include "net/tslane.h"

#include <stdlib.h>

#include "stream/chunk.h"
#include "wire/nullts.h"

/*
 * The capture time of a media packet is the time of origin of its last bytes. That is the turn of
 * the loop in which they were read, or earlier where an encoder had them in between: a large read
 * from a pipe is one burst, and comes out as one.
 */
#define FEED_BOUND (1024 * 1024) /* never waits: only for what comes in one turn */

struct tslane {
	struct loop *loop;
	struct feeds *stream;
	struct bond *bond;
	struct pump *pump;
	struct feed *feed; /* sender */
	struct loop_timer flush;
	struct chunk chunk;
	bool open;
	struct tslane_stats stats;
};

/* --- the sender's end ----------------------------------------------------------------------- */

static void submit(struct tslane *lane)
{
	struct chunk *chunk = &lane->chunk;
	usec_t now = pump_time(lane->pump, chunk->came);
	uint8_t packed[CHUNK_BYTES];
	size_t len = nullts_pack(chunk->data, chunk->len, packed);

	if (bond_submit(lane->bond, BOND_MEDIA_DATA, chunk->class, len ? packed : chunk->data,
			len ? len : chunk->len, usec_min(chunk->captured, now), now)) {
		lane->stats.refused += chunk->len;
	} else {
		lane->stats.bytes += chunk->len;
		lane->stats.last = now;
	}
	chunk_clear(chunk);
}

static void on_packets(void *owner, const uint8_t *packets, size_t len, usec_t captured)
{
	struct tslane *lane = owner;
	usec_t now = loop_now(lane->loop);
	bool any = false;

	for (size_t i = 0; i < len; i += TS_PACKET_BYTES)
		if (chunk_add(&lane->chunk, packets + i, captured, now)) {
			submit(lane);
			any = true;
		}
	loop_timer_set(&lane->flush, chunk_due_at(&lane->chunk));
	if (any)
		pump_turn(lane->pump);
}

static void flush(struct tslane *lane)
{
	if (!lane->chunk.len)
		return;
	submit(lane);
	pump_turn(lane->pump);
}

static void on_flush(struct loop_timer *timer)
{
	flush(timer->owner);
}

void tslane_open(struct tslane *lane)
{
	if (lane->open)
		return;
	lane->open = true;
	feed_open(lane->feed);
	feed_to_sink(lane->feed, on_packets, lane);
}

void tslane_close(struct tslane *lane)
{
	if (!lane->open)
		return;
	lane->open = false;
	feed_to_fd(lane->feed, -1);
	feed_close(lane->feed);
	loop_timer_set(&lane->flush, USEC_NEVER);
	flush(lane);
}

bool tslane_is_open(const struct tslane *lane)
{
	return lane->open;
}

/* --- the receiver's end --------------------------------------------------------------------- */

void tslane_media(struct tslane *lane, const struct bond_media *media)
{
	uint8_t unpacked[CHUNK_BYTES];
	const uint8_t *packets = media->data;
	size_t len = media->len;

	if (nullts_is_packed(len)) {
		len = nullts_unpack(media->data, len, unpacked, sizeof(unpacked));
		packets = unpacked;
	}
	if (!chunk_is_sane(packets, len)) {
		lane->stats.insane++;
		return;
	}
	lane->stats.bytes += len;
	lane->stats.last = loop_now(lane->loop);
	feeds_write(lane->stream, packets, len);
}

/* --- both ----------------------------------------------------------------------------------- */

struct tslane *tslane_new(struct loop *loop, struct feeds *stream, struct bond *bond,
			  struct pump *pump)
{
	struct tslane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->loop = loop;
	lane->stream = stream;
	lane->bond = bond;
	lane->pump = pump;
	chunk_init(&lane->chunk);
	loop_timer_init(&lane->flush, loop, on_flush, lane);
	lane->feed = feed_new(stream, FANOUT_RULE_FRESH, FEED_BOUND, USEC_NEVER);
	return lane->feed ? lane : tslane_free(lane);
}

struct tslane *tslane_free(struct tslane *lane)
{
	if (!lane)
		return NULL;
	loop_timer_deinit(&lane->flush);
	lane->feed = feed_free(lane->feed);
	free(lane);
	return NULL;
}

void tslane_stats(const struct tslane *lane, struct tslane_stats *ret_stats)
{
	*ret_stats = lane->stats;
}
