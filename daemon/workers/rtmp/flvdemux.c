#include "workers/rtmp/flvdemux.h"

#include "workers/rtmp/nal.h"

/*
 * MPEG-TS wants an access unit delimiter first in each picture, and parameter sets in band before
 * each key picture so that a receiver can begin there. Encoders that push RTMP send the sets only
 * in the sequence header, or both; a picture that brings its own keeps them.
 *
 * Sequence headers may come at any time and any number of times. An AAC header without content
 * (FFmpeg, copying from MPEG-TS, sends one ahead of the real one) says nothing yet.
 */

#define UNIT_MAX (16u * 1024 * 1024) /* the longest message, with 3-byte longer start codes */

void flvdemux_init(struct flvdemux *d)
{
	*d = (struct flvdemux){ 0 };
	timeline_init(&d->timeline, 32, 1000);
	buffer_init(&d->unit, UNIT_MAX);
}

void flvdemux_deinit(struct flvdemux *d)
{
	buffer_deinit(&d->unit);
}

void flvdemux_begin(struct flvdemux *d)
{
	timeline_break(&d->timeline);
	d->video_known = d->audio_known = d->started = false;
	d->foreign_video = d->foreign_audio = 0;
}

struct picture {
	size_t len; /* with start codes */
	bool readable;
	bool key;
	bool sets; /* it brings its own parameter sets */
};

static struct picture picture_measure(const struct flvdemux *d, const struct flv_tag *tag)
{
	struct cursor c = cursor_of(tag->data, tag->len);
	struct picture p = { 0 };
	struct nal nal;

	while (nal_next_length(&c, d->length_size, &nal)) {
		enum nal_role role = nal_role(tag->codec, nal);

		if (!nal.len || role == NAL_ROLE_DELIMITER)
			continue;
		p.key |= role == NAL_ROLE_KEY || role == NAL_ROLE_RECOVERY;
		p.sets |= role == NAL_ROLE_SPS;
		p.len += 4 + nal.len;
	}
	p.readable = !c.failed && p.len;
	return p;
}

static void write_delimiter(enum media_codec codec, struct writer *w)
{
	writer_u32(w, 1);
	if (codec == MEDIA_CODEC_HEVC) {
		writer_u24(w, 0x460150); /* type 35; any slice type; stop bit */
	} else {
		writer_u16(w, 0x09f0);
	}
}

/* The access unit of @tag into d->unit; false when there is no room. */
static bool picture_write(struct flvdemux *d, const struct flv_tag *tag, const struct picture *p)
{
	struct cursor c = cursor_of(tag->data, tag->len);
	size_t room = 8 + PARAMSET_BYTES_MAX + 4 * PARAMSET_NALS_MAX + p->len;
	struct writer w;
	struct nal nal;
	uint8_t *to;

	buffer_clear(&d->unit);
	to = buffer_room(&d->unit, room);
	if (!to)
		return false;
	w = writer_of(to, room);
	write_delimiter(tag->codec, &w);
	if (p->key && !p->sets)
		paramset_write_annexb(&d->params, &w);
	while (nal_next_length(&c, d->length_size, &nal)) {
		if (!nal.len || nal_role(tag->codec, nal) == NAL_ROLE_DELIMITER)
			continue;
		writer_u32(&w, 1);
		writer_bytes(&w, nal.data, nal.len);
	}
	d->unit.end -= writer_left(&w);
	return !w.failed;
}

static void on_video_config(struct flvdemux *d, const struct flv_tag *tag)
{
	struct paramset params;
	unsigned length_size;

	if (!paramset_read_record(tag->codec, tag->data, tag->len, &params, &length_size)) {
		d->garbage++;
		return;
	}
	d->params = params;
	d->length_size = length_size;
	d->video_known = true;
}

int flvdemux_video(struct flvdemux *d, uint32_t timestamp, const uint8_t *data, size_t len,
		   usec_t now, struct media_unit *ret_unit)
{
	struct flv_tag tag;
	struct picture p;
	int64_t dts;

	if (!flv_read_video(data, len, &tag)) {
		d->garbage++;
		return 0;
	}
	if (tag.kind == FLV_KIND_NONE)
		return 0;
	if (tag.codec == MEDIA_CODEC_OTHER) {
		d->foreign_video = tag.codec_name;
		return 0;
	}
	if (tag.kind == FLV_KIND_CONFIG) {
		on_video_config(d, &tag);
		return 0;
	}
	dts = timeline_map(&d->timeline, TIMELINE_STREAM_VIDEO, timestamp, now);
	if (!d->video_known || tag.codec != d->params.codec) {
		d->waited++;
		return 0;
	}
	p = picture_measure(d, &tag);
	if (!p.readable) {
		d->garbage++;
		return 0;
	}
	d->started |= p.key;
	if (!d->started) {
		d->waited++;
		return 0;
	}
	if (!picture_write(d, &tag, &p)) {
		d->garbage++;
		return 0;
	}
	*ret_unit = (struct media_unit){
		.video = true,
		.key = p.key,
		.codec = tag.codec,
		.dts = dts * (MEDIA_CLOCK / 1000),
		.pts = (dts + tag.composition_ms) * (MEDIA_CLOCK / 1000),
		.data = buffer_data(&d->unit),
		.len = buffer_len(&d->unit),
	};
	return 1;
}

static int on_audio_frame(struct flvdemux *d, const struct flv_tag *tag)
{
	size_t room = ADTS_HEADER_SIZE + tag->len;
	struct writer w;
	uint8_t *to;

	if (!tag->len)
		return 0;
	if (room > ADTS_FRAME_MAX) {
		d->garbage++;
		return 0;
	}
	buffer_clear(&d->unit);
	to = buffer_room(&d->unit, room);
	if (!to)
		return 0;
	w = writer_of(to, room);
	adts_write_header(&d->audio, tag->len, &w);
	writer_bytes(&w, tag->data, tag->len);
	return 1;
}

int flvdemux_audio(struct flvdemux *d, uint32_t timestamp, const uint8_t *data, size_t len,
		   usec_t now, struct media_unit *ret_unit)
{
	struct flv_tag tag;
	int64_t dts;

	if (!flv_read_audio(data, len, &tag)) {
		d->garbage++;
		return 0;
	}
	if (tag.kind == FLV_KIND_NONE)
		return 0;
	if (tag.codec == MEDIA_CODEC_OTHER) {
		d->foreign_audio = tag.codec_name ? tag.codec_name : UINT32_MAX;
		return 0;
	}
	if (tag.kind == FLV_KIND_CONFIG) {
		if (tag.len && !adts_read_asc(tag.data, tag.len, &d->audio))
			d->garbage++;
		else if (tag.len)
			d->audio_known = true;
		return 0;
	}
	dts = timeline_map(&d->timeline, TIMELINE_STREAM_AUDIO, timestamp, now);
	if (!d->audio_known) {
		d->waited++;
		return 0;
	}
	if (!on_audio_frame(d, &tag))
		return 0;
	*ret_unit = (struct media_unit){
		.key = true,
		.codec = MEDIA_CODEC_AAC,
		.dts = dts * (MEDIA_CLOCK / 1000),
		.pts = dts * (MEDIA_CLOCK / 1000),
		.data = buffer_data(&d->unit),
		.len = buffer_len(&d->unit),
	};
	return 1;
}
