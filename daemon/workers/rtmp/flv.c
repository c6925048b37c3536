#include "workers/rtmp/flv.h"

#include <stdio.h>

#include "workers/rtmp/amf0.h"

enum {
	FOURCC_AVC1 = 0x61766331,
	FOURCC_HVC1 = 0x68766331,
	FOURCC_MP4A = 0x6d703461,
};

enum {
	VIDEO_CODEC_H264 = 7,
	VIDEO_CODEC_HEVC = 12, /* not in any specification, but some encoders send it */
	VIDEO_FRAME_KEY = 1,
	VIDEO_FRAME_INTER = 2,
	VIDEO_FRAME_COMMAND = 5,
	AUDIO_CODEC_AAC = 10,
	AUDIO_CODEC_EXTENDED = 9,
	EX_VIDEO = 0x80,
};

/* Packet types: AVCPacketType for the old form, PacketType for the enhanced one. */
enum {
	PACKET_CONFIG = 0,
	PACKET_FRAME = 1,
	PACKET_END = 2,
	PACKET_FRAME_NO_OFFSET = 3,
};

/* 24 bits, two's complement. */
static int32_t read_s24(struct cursor *c)
{
	uint32_t v = cursor_u24(c);

	return v & 0x800000 ? (int32_t)v - 0x1000000 : (int32_t)v;
}

static bool tag_rest(struct cursor *c, struct flv_tag *t, struct flv_tag *ret_tag)
{
	if (c->failed)
		return false;
	t->data = c->next;
	t->len = cursor_left(c);
	*ret_tag = *t;
	return true;
}

static enum flv_kind kind_of(unsigned packet_type)
{
	return packet_type == PACKET_CONFIG ? FLV_KIND_CONFIG
	       : packet_type == PACKET_FRAME || packet_type == PACKET_FRAME_NO_OFFSET
		       ? FLV_KIND_FRAME
		       : FLV_KIND_NONE;
}

static bool read_video_enhanced(struct cursor *c, uint8_t first, struct flv_tag *t,
				struct flv_tag *ret_tag)
{
	unsigned packet_type = first & 0xf;

	t->codec_name = cursor_u32(c);
	t->codec = t->codec_name == FOURCC_HVC1	  ? MEDIA_CODEC_HEVC
		   : t->codec_name == FOURCC_AVC1 ? MEDIA_CODEC_H264
						  : MEDIA_CODEC_OTHER;
	t->kind = kind_of(packet_type);
	if (packet_type == PACKET_FRAME && t->codec != MEDIA_CODEC_OTHER)
		t->composition_ms = read_s24(c);
	return tag_rest(c, t, ret_tag);
}

bool flv_read_video(const uint8_t *data, size_t len, struct flv_tag *ret_tag)
{
	struct cursor c = cursor_of(data, len);
	struct flv_tag t = { .kind = FLV_KIND_NONE };
	uint8_t first;
	unsigned frame, packet_type;

	if (!len) {
		*ret_tag = t;
		return true;
	}
	first = cursor_u8(&c);
	frame = first >> 4 & 7;
	t.key = frame == VIDEO_FRAME_KEY;
	if (frame == VIDEO_FRAME_COMMAND)
		return tag_rest(&c, &t, ret_tag);
	if (first & EX_VIDEO)
		return read_video_enhanced(&c, first, &t, ret_tag);
	t.codec_name = first & 0xf;
	t.codec = t.codec_name == VIDEO_CODEC_H264   ? MEDIA_CODEC_H264
		  : t.codec_name == VIDEO_CODEC_HEVC ? MEDIA_CODEC_HEVC
						     : MEDIA_CODEC_OTHER;
	if (t.codec == MEDIA_CODEC_OTHER) {
		t.kind = FLV_KIND_FRAME;
		return tag_rest(&c, &t, ret_tag);
	}
	packet_type = cursor_u8(&c);
	t.kind = packet_type > PACKET_END ? FLV_KIND_NONE : kind_of(packet_type);
	t.composition_ms = read_s24(&c);
	return tag_rest(&c, &t, ret_tag);
}

bool flv_read_audio(const uint8_t *data, size_t len, struct flv_tag *ret_tag)
{
	struct cursor c = cursor_of(data, len);
	struct flv_tag t = { .kind = FLV_KIND_NONE };
	uint8_t first;

	if (!len) {
		*ret_tag = t;
		return true;
	}
	first = cursor_u8(&c);
	t.codec_name = first >> 4;
	if (t.codec_name == AUDIO_CODEC_EXTENDED) {
		t.codec_name = cursor_u32(&c);
		t.codec = t.codec_name == FOURCC_MP4A ? MEDIA_CODEC_AAC : MEDIA_CODEC_OTHER;
		t.kind = (first & 0xf) > PACKET_FRAME ? FLV_KIND_NONE : kind_of(first & 0xf);
		return tag_rest(&c, &t, ret_tag);
	}
	if (t.codec_name != AUDIO_CODEC_AAC) {
		t.codec = MEDIA_CODEC_OTHER;
		t.kind = FLV_KIND_FRAME;
		return tag_rest(&c, &t, ret_tag);
	}
	t.codec = MEDIA_CODEC_AAC;
	first = cursor_u8(&c);
	t.kind = first > PACKET_FRAME ? FLV_KIND_NONE : kind_of(first);
	return tag_rest(&c, &t, ret_tag);
}

void flv_write_video_header(const struct flv_tag *tag, struct writer *w)
{
	unsigned frame = tag->key ? VIDEO_FRAME_KEY : VIDEO_FRAME_INTER;
	unsigned packet = tag->kind == FLV_KIND_CONFIG ? PACKET_CONFIG : PACKET_FRAME;

	if (tag->codec == MEDIA_CODEC_HEVC) {
		if (packet == PACKET_FRAME && !tag->composition_ms)
			packet = PACKET_FRAME_NO_OFFSET;
		writer_u8(w, (uint8_t)(EX_VIDEO | frame << 4 | packet));
		writer_u32(w, FOURCC_HVC1);
		if (packet == PACKET_FRAME)
			writer_u24(w, (uint32_t)tag->composition_ms & 0xffffff);
		return;
	}
	writer_u8(w, (uint8_t)(frame << 4 | VIDEO_CODEC_H264));
	writer_u8(w, (uint8_t)packet);
	writer_u24(w, (uint32_t)tag->composition_ms & 0xffffff);
}

void flv_write_audio_header(const struct flv_tag *tag, struct writer *w)
{
	writer_u8(w, AUDIO_CODEC_AAC << 4 | 0xf); /* "44 kHz, 16 bit, stereo", fixed for AAC */
	writer_u8(w, tag->kind == FLV_KIND_CONFIG ? PACKET_CONFIG : PACKET_FRAME);
}

void flv_codec_text(bool video, uint32_t codec_name, char *buf, size_t size)
{
	static const char *const video_names[] = { [2] = "Sorenson H.263",
						   [3] = "Screen Video",
						   [4] = "VP6",
						   [5] = "VP6 with alpha",
						   [6] = "Screen Video 2" };
	static const char *const audio_names[] = {
		[0] = "PCM",	    [1] = "ADPCM",	[2] = "MP3",	    [3] = "PCM",
		[4] = "Nellymoser", [5] = "Nellymoser", [6] = "Nellymoser", [7] = "G.711",
		[8] = "G.711",	    [11] = "Speex"
	};
	const char *const *names = video ? video_names : audio_names;
	size_t count = video ? sizeof(video_names) / sizeof(video_names[0])
			     : sizeof(audio_names) / sizeof(audio_names[0]);
	char fourcc[5] = { 0 };

	if (codec_name < count && names[codec_name]) {
		(void)snprintf(buf, size, "%s", names[codec_name]);
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		fourcc[i] = (char)(codec_name >> 8 * (3 - i));
		if (fourcc[i] < ' ' || fourcc[i] > '~') {
			(void)snprintf(buf, size, "codec %u", codec_name);
			return;
		}
	}
	(void)snprintf(buf, size, "%s", fourcc);
}

static void write_property(struct writer *w, const char *name, double number)
{
	if (number == 0)
		return;
	amf0_write_name(w, name);
	amf0_write_number(w, number);
}

void flv_write_metadata(const struct flv_metadata *m, const char *encoder, struct writer *w)
{
	double video = m->video == MEDIA_CODEC_HEVC   ? FOURCC_HVC1
		       : m->video == MEDIA_CODEC_H264 ? VIDEO_CODEC_H264
						      : 0;
	bool audio = m->audio == MEDIA_CODEC_AAC;
	uint32_t count = 1 + (video != 0) + audio + (m->width != 0) + (m->height != 0) +
			 (m->frame_rate != 0) + (m->sample_rate != 0) + 2 * (m->channels != 0);

	amf0_write_string(w, "@setDataFrame");
	amf0_write_string(w, "onMetaData");
	amf0_write_ecma_array(w, count);
	write_property(w, "videocodecid", video);
	write_property(w, "width", m->width);
	write_property(w, "height", m->height);
	write_property(w, "framerate", m->frame_rate);
	write_property(w, "audiocodecid", audio ? AUDIO_CODEC_AAC : 0);
	write_property(w, "audiosamplerate", m->sample_rate);
	write_property(w, "audiochannels", m->channels);
	if (m->channels != 0) {
		amf0_write_name(w, "stereo");
		amf0_write_boolean(w, m->channels >= 2);
	}
	amf0_write_name(w, "encoder");
	amf0_write_string(w, encoder);
	amf0_write_object_end(w);
}

bool flv_read_metadata(const uint8_t *data, size_t len, bool *ret_video, bool *ret_audio)
{
	struct cursor c = cursor_of(data, len);
	struct amf0_value name, object, codec;

	if (!amf0_read(&c, &name) || name.type != AMF0_TYPE_STRING ||
	    !amf0_text_is(name.text, "onMetaData") || !amf0_read(&c, &object))
		return false;
	*ret_video = amf0_find(&object, "videocodecid", &codec);
	*ret_audio = amf0_find(&object, "audiocodecid", &codec);
	return true;
}
