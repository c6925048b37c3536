#include "fuzz/fuzz.h"

#include <string.h>

#include "base/cursor.h"
#include "wire/nullts.h"
#include "wire/srthdr.h"
#include "wire/srtmedia.h"

/*
 * Input: u32 seq, u32 time, and bytes that are taken for an SRT packet, for a media packet of one,
 * and for MPEG-TS with and without its null packets. What is packed must come back bit for bit.
 */

static void check_srt(const uint8_t *packet, size_t len, uint32_t seq, uint32_t time)
{
	static uint8_t media[SRTHDR_PACKET_MAX], back[SRTHDR_PACKET_MAX];
	size_t n;

	if (len > SRTHDR_PACKET_MAX)
		return;
	n = srtmedia_pack(packet, len, seq, time, media);
	FUZZ_CHECK(n <= len);
	if (!n)
		return;
	FUZZ_CHECK(srtmedia_unpack(media, n, seq, time, back, sizeof(back)) == len);
	FUZZ_CHECK(!memcmp(back, packet, len));
}

static void check_ts(const uint8_t *ts, size_t len)
{
	static uint8_t packed[SRTHDR_PACKET_MAX], back[SRTHDR_PACKET_MAX];
	size_t n;

	if (len > SRTHDR_PACKET_MAX)
		return;
	n = nullts_pack(ts, len, packed);
	FUZZ_CHECK(n < len || !n);
	if (!n)
		return;
	FUZZ_CHECK(nullts_is_packed(n));
	FUZZ_CHECK(nullts_unpack(packed, n, back, sizeof(back)) == len);
	FUZZ_CHECK(!memcmp(back, ts, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[SRTHDR_PACKET_MAX];
	struct cursor in = cursor_of(data, size);
	uint32_t seq = cursor_u32(&in), time = cursor_u32(&in);
	size_t n;

	if (in.failed)
		return 0;
	size = cursor_left(&in);
	data = in.next;
	check_srt(data, size, seq, time);
	check_ts(data, size);
	n = srtmedia_unpack(data, size, seq, time, out, sizeof(out));
	FUZZ_CHECK(n <= sizeof(out));
	check_srt(out, n, seq, time);
	n = nullts_unpack(data, size, out, sizeof(out));
	FUZZ_CHECK(n <= sizeof(out));
	check_ts(out, n);
	return 0;
}
