#include "workers/rtmp/remux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The tables of MPEG-TS name all streams, so the first ones should be written when all are known.
 * A publisher tells them by its metadata, or by its first frames; who sends only one kind is
 * waited for REMUX_WAIT. What comes later than that, or with another codec, is a change of the
 * tables.
 */

int remux_init(struct remux *r, void (*on_packets)(const uint8_t *data, size_t len, void *owner),
	       void *owner)
{
	memset(r, 0, sizeof(*r));
	flvdemux_init(&r->flv);
	r->ts = tsmux_new(on_packets, owner);
	return r->ts ? 0 : -ENOMEM;
}

static void held_clear(struct remux *r)
{
	for (unsigned i = 0; i < r->held_count; i++)
		free(r->held[i].data);
	r->held_count = 0;
	r->held_bytes = 0;
}

void remux_deinit(struct remux *r)
{
	held_clear(r);
	flvdemux_deinit(&r->flv);
	r->ts = tsmux_free(r->ts);
}

void remux_begin(struct remux *r)
{
	held_clear(r);
	flvdemux_begin(&r->flv);
	r->open = r->told = r->wait_key = false;
	r->since = USEC_NEVER;
}

void remux_metadata(struct remux *r, const uint8_t *data, size_t len)
{
	bool video, audio;

	if (!flv_read_metadata(data, len, &video, &audio))
		return;
	r->told = video || audio;
	r->told_video = video;
	r->told_audio = audio;
}

static void write_unit(struct remux *r, const struct media_unit *u)
{
	if (tsmux_write(r->ts, u))
		r->dropped++;
	else if (u->video)
		r->video_frames++;
	else
		r->audio_frames++;
}

/* Streams of the publisher and of the tables as they are; a stream once named stays, as a
 * publisher that comes back may have it again. */
static void name_streams(struct remux *r, enum media_codec video, enum media_codec audio)
{
	if (video == MEDIA_CODEC_NONE)
		video = tsmux_video(r->ts);
	if (audio == MEDIA_CODEC_NONE)
		audio = tsmux_audio(r->ts);
	if (video != tsmux_video(r->ts) || audio != tsmux_audio(r->ts))
		(void)tsmux_open(r->ts, video, audio);
}

/* Writes the held units once the streams are known well enough. */
static void try_open(struct remux *r, usec_t now)
{
	enum media_codec video = MEDIA_CODEC_NONE, audio = MEDIA_CODEC_NONE;
	bool complete;

	for (unsigned i = 0; i < r->held_count; i++) {
		if (r->held[i].unit.video)
			video = r->held[i].unit.codec;
		else
			audio = r->held[i].unit.codec;
	}
	complete = video != MEDIA_CODEC_NONE && audio != MEDIA_CODEC_NONE;
	if (r->told && (!r->told_video || video != MEDIA_CODEC_NONE) &&
	    (!r->told_audio || audio != MEDIA_CODEC_NONE))
		complete = true;
	if (!complete && usec_since(r->since, now) < REMUX_WAIT && r->held_count < REMUX_HELD_MAX &&
	    r->held_bytes < REMUX_HELD_BYTES)
		return;
	name_streams(r, video, audio);
	for (unsigned i = 0; i < r->held_count; i++)
		write_unit(r, &r->held[i].unit);
	held_clear(r);
	r->open = true;
}

static void hold(struct remux *r, const struct media_unit *u, usec_t now)
{
	uint8_t *data = malloc(u->len);

	r->since = usec_min(r->since, now);
	if (!data) {
		r->dropped++;
		return;
	}
	memcpy(data, u->data, u->len);
	r->held[r->held_count].unit = *u;
	r->held[r->held_count].unit.data = data;
	r->held[r->held_count++].data = data;
	r->held_bytes += u->len;
	try_open(r, now);
}

void remux_message(struct remux *r, bool video, uint32_t timestamp, const uint8_t *data, size_t len,
		   bool full, usec_t now)
{
	struct media_unit u;

	if (!(video ? flvdemux_video(&r->flv, timestamp, data, len, now, &u)
		    : flvdemux_audio(&r->flv, timestamp, data, len, now, &u)))
		return;
	if (video && u.key)
		r->wait_key = false;
	if (full || (video && r->wait_key)) {
		r->wait_key |= video;
		r->dropped++;
		return;
	}
	if (!r->open) {
		hold(r, &u, now);
		return;
	}
	name_streams(r, video ? u.codec : MEDIA_CODEC_NONE, video ? MEDIA_CODEC_NONE : u.codec);
	write_unit(r, &u);
}
