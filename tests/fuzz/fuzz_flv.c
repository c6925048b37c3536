#include "fuzz/fuzz.h"

#include <string.h>

#include "workers/rtmp/flvdemux.h"
#include "workers/rtmp/flvmux.h"
#include "workers/rtmp/picture.h"
#include "workers/rtmp/psi.h"

/*
 * Input: records of a type byte, two bytes of length and a body. 8, 9: FLV tags for flvdemux, and
 * what comes out goes through flvmux again. 18: metadata. 1, 2, 3: an access unit of H.264, H.265,
 * AAC for flvmux. 0x47: transport stream packets.
 */

static void to_mux(struct flvmux *mux, struct outbox *queue, const struct media_unit *u, usec_t now)
{
	struct outbox_item *item;
	struct picture_info info;

	(void)flvmux_unit(mux, u, now);
	(void)picture_info_read(&mux->params, &info);
	while ((item = outbox_pop(queue, USEC_NEVER - 1))) {
		FUZZ_CHECK(item->config_len <= FLVMUX_CONFIG_MAX);
		outbox_item_free(item);
	}
}

static void record(struct flvdemux *demux, struct flvmux *mux, struct outbox *queue,
		   struct psi *psi, uint8_t type, const uint8_t *body, size_t len, usec_t now)
{
	uint32_t timestamp = (uint32_t)(now / USEC_PER_MS * (1 + type / 64u));
	struct media_unit u = { .video = type != 3,
				.data = body,
				.len = len,
				.dts = timestamp,
				.pts = timestamp + len };
	bool video, audio;

	switch (type & 0x3f) {
	case 8:
		if (flvdemux_audio(demux, timestamp, body, len, now, &u))
			to_mux(mux, queue, &u, now);
		break;
	case 9:
		if (flvdemux_video(demux, timestamp, body, len, now, &u)) {
			FUZZ_CHECK(u.len <= len * 5 + PARAMSET_BYTES_MAX + 100);
			to_mux(mux, queue, &u, now);
		}
		break;
	case 18:
		(void)flv_read_metadata(body, len, &video, &audio);
		break;
	case 1:
	case 2:
	case 3:
		u.codec = (type & 3) == 1   ? MEDIA_CODEC_H264
			  : (type & 3) == 2 ? MEDIA_CODEC_HEVC
					    : MEDIA_CODEC_AAC;
		to_mux(mux, queue, &u, now);
		break;
	case 7:
		for (size_t at = psi_sync(body, len); len - at >= PSI_PACKET; at += PSI_PACKET)
			(void)psi_watch(psi, body + at);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct flvdemux demux;
	struct flvmux mux;
	struct outbox queue;
	struct psi psi = { 0 };
	usec_t now = USEC_PER_SEC;

	outbox_init(&queue);
	flvmux_init(&mux, &queue);
	flvdemux_init(&demux);
	flvmux_begin(&mux);
	flvdemux_begin(&demux);
	while (cursor_left(&c) >= 3) {
		uint8_t type = cursor_u8(&c);
		size_t len = cursor_u16(&c);

		if (len > cursor_left(&c))
			len = cursor_left(&c);
		record(&demux, &mux, &queue, &psi, type, cursor_bytes(&c, len), len, now);
		now += 20 * USEC_PER_MS;
	}
	outbox_clear(&queue);
	flvmux_deinit(&mux);
	flvdemux_deinit(&demux);
	return 0;
}
