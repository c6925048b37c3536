#include "workers/rtmp/outbox.h"

#include <stdlib.h>

/*
 * Order. Players and platforms want tags in the order of decoding times over both streams, and
 * MPEG-TS does not deliver them so: audio is gathered into larger parcels. The earlier of the two
 * first items goes when both streams have one waiting, or when it has waited OUTBOX_HOLD, or when
 * the other stream has been silent that long anyway. At the very beginning the other stream, not
 * yet seen, is waited for in the same way.
 *
 * Overflow. Decoding can go on after a hole only at a key picture. So everything before the newest
 * key picture in the queue goes; if that is not enough or there is none, all video goes until the
 * next key picture comes.
 */

void outbox_init(struct outbox *q)
{
	*q = (struct outbox){ 0 };
	for (int i = 0; i < OUTBOX_STREAMS; i++)
		q->streams[i].end = &q->streams[i].first;
}

struct outbox_item *outbox_item_new(enum outbox_stream stream, size_t config_len, size_t len)
{
	struct outbox_item *item = malloc(sizeof(*item) + config_len + len);

	if (item)
		*item = (struct outbox_item){ .stream = stream,
					      .config_len = config_len,
					      .len = len };
	return item;
}

void outbox_item_free(struct outbox_item *item)
{
	free(item);
}

static size_t item_size(const struct outbox_item *item)
{
	return sizeof(*item) + item->config_len + item->len;
}

static struct outbox_item *take_first(struct outbox *q, enum outbox_stream stream)
{
	struct outbox_item *item = q->streams[stream].first;

	q->streams[stream].first = item->next;
	if (!item->next) {
		q->streams[stream].end = &q->streams[stream].first;
		q->streams[stream].last = NULL;
	}
	q->bytes -= item_size(item);
	item->next = NULL;
	return item;
}

static int64_t stream_span(const struct outbox *q, enum outbox_stream stream)
{
	const struct outbox_item *first = q->streams[stream].first;

	return first ? q->streams[stream].last->dts - first->dts : 0;
}

static void drop_video_before(struct outbox *q, const struct outbox_item *keep)
{
	while (q->streams[OUTBOX_STREAM_VIDEO].first &&
	       q->streams[OUTBOX_STREAM_VIDEO].first != keep) {
		outbox_item_free(take_first(q, OUTBOX_STREAM_VIDEO));
		q->dropped_video++;
	}
}

static bool is_over(const struct outbox *q)
{
	return stream_span(q, OUTBOX_STREAM_VIDEO) > OUTBOX_VIDEO_SPAN_MAX ||
	       q->bytes > OUTBOX_BYTES_MAX;
}

static void limit_video(struct outbox *q)
{
	const struct outbox_item *key = NULL;

	if (!is_over(q))
		return;
	q->dropped_episodes++;
	for (struct outbox_item *i = q->streams[OUTBOX_STREAM_VIDEO].first; i; i = i->next)
		if (i->key)
			key = i;
	if (key)
		drop_video_before(q, key);
	if (!key || is_over(q)) {
		drop_video_before(q, NULL);
		q->wait_key = true;
	}
}

static void limit_audio(struct outbox *q)
{
	while (stream_span(q, OUTBOX_STREAM_AUDIO) > OUTBOX_AUDIO_SPAN_MAX ||
	       (q->bytes > OUTBOX_BYTES_MAX && q->streams[OUTBOX_STREAM_AUDIO].first)) {
		outbox_item_free(take_first(q, OUTBOX_STREAM_AUDIO));
		q->dropped_audio++;
	}
}

void outbox_push(struct outbox *q, struct outbox_item *item, usec_t now)
{
	item->arrived = now;
	q->streams[item->stream].seen = true;
	q->streams[item->stream].arrived = now;
	if (item->stream == OUTBOX_STREAM_VIDEO && q->wait_key) {
		if (!item->key) {
			q->dropped_video++;
			outbox_item_free(item);
			return;
		}
		q->wait_key = false;
	}
	*q->streams[item->stream].end = item;
	q->streams[item->stream].end = &item->next;
	q->streams[item->stream].last = item;
	q->bytes += item_size(item);
	limit_video(q);
	limit_audio(q);
}

/* The stream whose first item has its turn next; OUTBOX_STREAMS when all is empty. */
static enum outbox_stream next_stream(const struct outbox *q)
{
	const struct outbox_item *video = q->streams[OUTBOX_STREAM_VIDEO].first;
	const struct outbox_item *audio = q->streams[OUTBOX_STREAM_AUDIO].first;

	if (!video && !audio)
		return OUTBOX_STREAMS;
	if (!audio || (video && video->dts <= audio->dts))
		return OUTBOX_STREAM_VIDEO;
	return OUTBOX_STREAM_AUDIO;
}

usec_t outbox_wakeup_at(const struct outbox *q)
{
	enum outbox_stream stream = next_stream(q), other;

	if (stream == OUTBOX_STREAMS)
		return USEC_NEVER;
	other = stream == OUTBOX_STREAM_VIDEO ? OUTBOX_STREAM_AUDIO : OUTBOX_STREAM_VIDEO;
	if (q->streams[other].first || (q->begun && !q->streams[other].seen))
		return 0;
	if (!q->streams[other].seen)
		return usec_add(q->streams[stream].first->arrived, OUTBOX_HOLD);
	return usec_add(usec_min(q->streams[stream].first->arrived, q->streams[other].arrived),
			OUTBOX_HOLD);
}

struct outbox_item *outbox_pop(struct outbox *q, usec_t now)
{
	usec_t at = outbox_wakeup_at(q);

	if (at == USEC_NEVER || at > now)
		return NULL;
	q->begun = true;
	return take_first(q, next_stream(q));
}

void outbox_clear(struct outbox *q)
{
	for (int i = 0; i < OUTBOX_STREAMS; i++)
		while (q->streams[i].first)
			outbox_item_free(take_first(q, (enum outbox_stream)i));
	q->wait_key = q->begun = false;
}

uint32_t outbox_span_ms(const struct outbox *q)
{
	int64_t video = stream_span(q, OUTBOX_STREAM_VIDEO);
	int64_t audio = stream_span(q, OUTBOX_STREAM_AUDIO);

	return (uint32_t)((video > audio ? video : audio) / 90);
}
