#include "workers/rtmp/flvmux.h"

#include <errno.h>

#include "workers/rtmp/nal.h"

/*
 * Pictures: parameter sets stay in band and are repeated in the sequence header, as a decoder
 * behind a splitter (HLS) sees only one of the two. Access unit delimiters are left out; FLV has
 * lengths.
 *
 * Audio: a PES packet holds some ADTS frames, and may begin and end inside one. Its timestamp
 * belongs to the first frame that begins in it (ISO/IEC 13818-1, 2.4.3.7); the others follow from
 * the number of samples.
 */

#define REST_MAX (ADTS_FRAME_MAX + 1024 * 1024)
#define FLV_TICK (MEDIA_CLOCK / 1000)

void flvmux_init(struct flvmux *m, struct outbox *queue)
{
	*m = (struct flvmux){ .queue = queue, .audio_since = USEC_NEVER };
	timeline_init(&m->timeline, 33, MEDIA_CLOCK);
	buffer_init(&m->rest, REST_MAX);
}

void flvmux_deinit(struct flvmux *m)
{
	buffer_deinit(&m->rest);
}

void flvmux_begin(struct flvmux *m)
{
	m->live = true;
	m->started = false;
	m->audio_since = USEC_NEVER;
	for (int i = 0; i < OUTBOX_STREAMS; i++)
		m->last_dts[i] = INT64_MIN;
	outbox_clear(m->queue);
}

void flvmux_end(struct flvmux *m)
{
	m->live = false;
	outbox_clear(m->queue);
}

static void video_config_make(struct flvmux *m)
{
	struct flv_tag tag = { .codec = m->params.codec, .kind = FLV_KIND_CONFIG, .key = true };
	struct writer w = writer_of(m->video_config, sizeof(m->video_config));

	flv_write_video_header(&tag, &w);
	paramset_write_record(&m->params, &w);
	m->video_config_len = w.failed ? 0 : writer_len(&w);
}

/* Bytes of the picture with lengths, and whether decoding can begin at it. */
static size_t picture_measure(const struct media_unit *u, bool *ret_key)
{
	struct cursor c = cursor_of(u->data, u->len);
	struct nal nal;
	size_t len = 0;

	*ret_key = false;
	while (nal_next_annexb(&c, &nal)) {
		enum nal_role role = nal_role(u->codec, nal);

		if (!nal.len || role == NAL_ROLE_DELIMITER)
			continue;
		*ret_key |= role == NAL_ROLE_KEY || role == NAL_ROLE_RECOVERY;
		len += 4 + nal.len;
	}
	return len;
}

static void picture_write(const struct media_unit *u, struct writer *w)
{
	struct cursor c = cursor_of(u->data, u->len);
	struct nal nal;

	while (nal_next_annexb(&c, &nal)) {
		if (!nal.len || nal_role(u->codec, nal) == NAL_ROLE_DELIMITER)
			continue;
		writer_u32(w, (uint32_t)nal.len);
		writer_bytes(w, nal.data, nal.len);
	}
}

static int on_video(struct flvmux *m, const struct media_unit *u, int64_t dts, int64_t pts,
		    usec_t now)
{
	struct flv_tag tag = { .codec = u->codec, .kind = FLV_KIND_FRAME };
	struct outbox_item *item;
	struct writer w;
	size_t len = picture_measure(u, &tag.key);

	if (!len) {
		m->garbage++;
		return 0;
	}
	m->video_codec = u->codec;
	if (paramset_collect(&m->params, u->codec, u->data, u->len))
		video_config_make(m);
	if (!m->live || (!m->started && (!tag.key || !m->video_config_len))) {
		m->waited++;
		return 0;
	}
	m->started = true;
	/* A picture is never left out for its time: others refer to it. */
	if (m->last_dts[OUTBOX_STREAM_VIDEO] != INT64_MIN &&
	    dts < m->last_dts[OUTBOX_STREAM_VIDEO] + FLV_TICK)
		dts = m->last_dts[OUTBOX_STREAM_VIDEO] + FLV_TICK;
	m->last_dts[OUTBOX_STREAM_VIDEO] = dts;
	tag.composition_ms = pts > dts ? (int32_t)((pts - dts + 45) / 90) : 0;
	item = outbox_item_new(OUTBOX_STREAM_VIDEO, tag.key ? m->video_config_len : 0,
			       FLV_HEADER_MAX + len);
	if (!item)
		return -ENOMEM;
	item->dts = dts;
	item->key = tag.key;
	memcpy(item->bytes, m->video_config, item->config_len);
	w = writer_of(item->bytes + item->config_len, item->len);
	flv_write_video_header(&tag, &w);
	picture_write(u, &w);
	item->len = writer_len(&w);
	outbox_push(m->queue, item, now);
	return 0;
}

static void audio_config_make(struct flvmux *m, const struct adts_config *config)
{
	struct flv_tag tag = { .codec = MEDIA_CODEC_AAC, .kind = FLV_KIND_CONFIG };
	struct writer w = writer_of(m->audio_config, sizeof(m->audio_config));

	m->audio = *config;
	flv_write_audio_header(&tag, &w);
	adts_write_asc(config, &w);
	m->audio_config_len = writer_len(&w);
}

static bool may_send_audio(struct flvmux *m, int64_t dts, usec_t now)
{
	if (!m->live)
		return false;
	if (!m->started) {
		m->audio_since = usec_min(m->audio_since, now);
		/* Pictures that cannot be used yet are awaited; none at all are not. */
		m->started = m->video_codec == MEDIA_CODEC_NONE &&
			     usec_since(m->audio_since, now) >= FLVMUX_AUDIO_ALONE;
	}
	if (!m->started) {
		m->waited++;
		return false;
	}
	if (m->last_dts[OUTBOX_STREAM_AUDIO] != INT64_MIN &&
	    dts < m->last_dts[OUTBOX_STREAM_AUDIO] + FLV_TICK) {
		m->late++;
		return false;
	}
	return true;
}

static int send_audio(struct flvmux *m, const uint8_t *data, size_t len, int64_t dts, usec_t now)
{
	struct flv_tag tag = { .codec = MEDIA_CODEC_AAC, .kind = FLV_KIND_FRAME };
	struct outbox_item *item;
	struct writer w;

	if (!may_send_audio(m, dts, now))
		return 0;
	m->last_dts[OUTBOX_STREAM_AUDIO] = dts;
	item = outbox_item_new(OUTBOX_STREAM_AUDIO, m->audio_config_len, FLV_HEADER_MAX + len);
	if (!item)
		return -ENOMEM;
	item->dts = dts;
	memcpy(item->bytes, m->audio_config, item->config_len);
	w = writer_of(item->bytes + item->config_len, item->len);
	flv_write_audio_header(&tag, &w);
	writer_bytes(&w, data, len);
	item->len = writer_len(&w);
	outbox_push(m->queue, item, now);
	return 0;
}

static int on_audio(struct flvmux *m, const struct media_unit *u, int64_t pts, usec_t now)
{
	size_t leftover = buffer_len(&m->rest), at = 0, total;
	const uint8_t *data;
	bool stamped = false;
	int r = buffer_append(&m->rest, u->data, u->len);

	if (r < 0) {
		buffer_clear(&m->rest);
		m->garbage++;
		return 0;
	}
	data = buffer_data(&m->rest);
	total = buffer_len(&m->rest);
	while (total - at >= ADTS_HEADER_SIZE) {
		struct adts_config config;
		size_t header, frame = adts_parse(data + at, total - at, &config, &header);

		if (!frame) {
			at++;
			m->garbage++;
			continue;
		}
		if (frame > total - at)
			break;
		if (!stamped && at >= leftover) {
			m->audio_next = pts;
			stamped = true;
		}
		if (!m->audio_config_len || memcmp(&config, &m->audio, sizeof(config)) != 0)
			audio_config_make(m, &config);
		r = send_audio(m, data + at + header, frame - header, m->audio_next, now);
		if (r < 0)
			return r;
		m->audio_next +=
			(int64_t)ADTS_FRAME_SAMPLES * MEDIA_CLOCK / adts_rate(config.rate_index);
		at += frame;
	}
	buffer_consume(&m->rest, at);
	return 0;
}

int flvmux_unit(struct flvmux *m, const struct media_unit *u, usec_t now)
{
	enum timeline_stream_id stream = u->video ? TIMELINE_STREAM_VIDEO : TIMELINE_STREAM_AUDIO;
	int64_t dts = timeline_map(&m->timeline, stream, (uint64_t)u->dts, now);
	int64_t pts = dts + timeline_diff(33, (uint64_t)u->pts, (uint64_t)u->dts);

	switch (u->codec) {
	case MEDIA_CODEC_H264:
	case MEDIA_CODEC_HEVC:
		return on_video(m, u, dts, pts, now);
	case MEDIA_CODEC_AAC:
		return on_audio(m, u, pts, now);
	case MEDIA_CODEC_NONE:
	case MEDIA_CODEC_OTHER:
		break;
	}
	m->garbage++;
	return 0;
}
