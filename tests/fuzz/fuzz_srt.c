#include "fuzz/fuzz.h"

#include <string.h>

#include "base/cursor.h"
#include "base/seq.h"
#include "wire/srthdr.h"
#include "wire/srtnak.h"

/*
 * A stream of SRT packets in both directions through the NAK filter: per packet one byte (bit 0:
 * direction, bit 1: the bond lost something before it), a 16-bit length, the packet.
 */

static void check_filter(const struct srtnak *filter)
{
	FUZZ_CHECK(filter->count <= SRTNAK_RANGES);
	for (unsigned i = 0; i < filter->count; i++) {
		FUZZ_CHECK(seq31_diff(filter->range[i].last, filter->range[i].first) >= 0);
		FUZZ_CHECK(seq31_diff(filter->range[i].last, filter->next) < 0);
		FUZZ_CHECK(!i || seq31_diff(filter->range[i].first, filter->range[i - 1].last) > 1);
		FUZZ_CHECK(srtnak_contains(filter, filter->range[i].first));
		FUZZ_CHECK(srtnak_contains(filter, filter->range[i].last));
		FUZZ_CHECK(!srtnak_contains(filter, seq31_add(filter->range[i].last, 1)));
	}
}

/* Nothing that was given up is left in a filtered NAK. */
static void check_list(const struct srtnak *filter, const uint8_t *packet, size_t len)
{
	struct cursor in = cursor_of(packet + SRTHDR_BYTES, len - SRTHDR_BYTES);

	while (cursor_left(&in)) {
		uint32_t first = cursor_u32(&in), last = first;

		if (first & 0x80000000u)
			last = cursor_u32(&in);
		first &= SRTHDR_SEQ_MAX;
		FUZZ_CHECK(seq31_diff(last, first) >= 0);
		FUZZ_CHECK(!srtnak_contains(filter, first) && !srtnak_contains(filter, last));
	}
	FUZZ_CHECK(!in.failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[1368];
	struct cursor in = cursor_of(data, size);
	struct srtnak filter;

	(void)srthdr_is_sane(data, size);
	srtnak_init(&filter);
	while (cursor_left(&in)) {
		uint8_t flags = cursor_u8(&in);
		size_t len = cursor_u16(&in);
		const uint8_t *packet = cursor_bytes(&in, len);
		struct srthdr header;
		size_t n;

		if (!packet)
			break;
		if (!(flags & 1)) {
			srtnak_toward_receiver(&filter, packet, len, flags & 2);
			check_filter(&filter);
			continue;
		}
		n = srtnak_toward_sender(&filter, packet, len, out, sizeof(out));
		FUZZ_CHECK(n <= sizeof(out));
		check_filter(&filter);
		if (n && srthdr_decode(packet, len, &header) && header.is_control &&
		    header.type == SRTHDR_NAK)
			check_list(&filter, out, n);
		else if (n)
			FUZZ_CHECK(n == len && !memcmp(out, packet, len));
	}
	return 0;
}
