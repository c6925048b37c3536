#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wire/frame.h"
#include "wire/nullts.h"
#include "wire/seal.h"
#include "wire/srthdr.h"
#include "wire/srtmedia.h"

/*
 * What a datagram costs on the wire layer: a compact data frame of a full SRT packet (1316 bytes
 * behind its header) is encoded, sealed, opened, checked against the replay window and decoded; and
 * the SRT packet is packed for the bond before and unpacked behind it, with no null packet and with
 * three of seven. Prints nanoseconds per packet and what that is of one core at 10 Mb/s and at 1
 * Gb/s; the best of several rounds, because a shared machine only ever adds.
 */
#define MEDIA_BYTES 1316
#define PACKETS	    50000
#define ROUNDS	    15

static uint64_t clock_nsec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct side {
	struct seal *seal;
	struct replay replay;
	uint64_t number;
};

static size_t protect(struct side *side, const uint8_t *media, uint8_t *out)
{
	struct wire_header header = { .phase = seal_phase(side->seal),
				      .path_id = 1,
				      .number = (uint32_t)side->number };
	struct frame_data data = { .form = FRAME_DATA_COMPACT,
				   .seq = side->number & 0xffff,
				   .data = media,
				   .len = MEDIA_BYTES };
	size_t header_len = wire_header_encode(&header, out);
	struct writer w = writer_of(out + header_len, WIRE_DATAGRAM_MAX - header_len);
	bool fits = frame_encode_data(&w, &data);

	assert(fits);
	return header_len + seal_protect(side->seal, 1, side->number++, out, header_len,
					 out + header_len, writer_len(&w), out + header_len);
}

static void take(struct side *side, uint8_t *datagram, size_t len)
{
	struct wire_header header;
	struct frame frame;
	struct cursor in;
	int decoded = wire_header_decode(datagram, len, &header), n;

	assert(decoded && replay_is_new(&side->replay, side->number));
	n = seal_open(side->seal, header.phase, header.path_id, side->number, datagram, header.len,
		      datagram + header.len, len - header.len, datagram + header.len, 0);
	assert(n > 0);
	replay_record(&side->replay, side->number++);
	in = cursor_of(datagram + header.len, (size_t)n);
	decoded = frame_decode(&in, NULL, &frame);
	assert(decoded == 1 && frame.data.len == MEDIA_BYTES);
	(void)decoded;
}

static void pack_and_unpack(unsigned nulls)
{
	static uint8_t packet[SRTHDR_BYTES + MEDIA_BYTES], media[256][sizeof(packet)];
	uint64_t best_pack = UINT64_MAX, best_unpack = UINT64_MAX;
	uint8_t back[SRTHDR_PACKET_MAX];
	size_t len[256] = { 0 }, n = 0;

	memset(packet, 0, sizeof(packet));
	for (unsigned i = 0; i < nulls; i++) {
		uint8_t *null = packet + SRTHDR_BYTES + 2 * i * NULLTS_PACKET_BYTES;

		memset(null, 0xff, NULLTS_PACKET_BYTES);
		memcpy(null, "\x47\x1f\xff\x10", 4);
	}
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t packing = 0, unpacking = 0;

		for (int done = 0; done < PACKETS; done += 256) {
			uint64_t begin = clock_nsec(), middle;

			for (uint32_t i = 0; i < 256; i++)
				len[i] = srtmedia_pack(packet, sizeof(packet), i, i, media[i]);
			middle = clock_nsec();
			for (uint32_t i = 0; i < 256; i++)
				n += srtmedia_unpack(media[i], len[i], i, i, back, sizeof(back));
			packing += middle - begin;
			unpacking += clock_nsec() - middle;
		}
		best_pack = packing < best_pack ? packing : best_pack;
		best_unpack = unpacking < best_unpack ? unpacking : best_unpack;
	}
	assert(n && !memcmp(back, packet, sizeof(packet)));
	printf("wire: %zu bytes of an SRT packet become %zu; pack %llu ns, unpack %llu ns\n",
	       sizeof(packet), len[0],
	       (unsigned long long)(best_pack / ((PACKETS + 255) / 256 * 256)),
	       (unsigned long long)(best_unpack / ((PACKETS + 255) / 256 * 256)));
}

int main(void)
{
	static uint8_t datagrams[256][WIRE_DATAGRAM_MAX], media[MEDIA_BYTES];
	static const uint8_t secret[SEAL_SECRET_BYTES] = { 1 };
	struct side out = { .seal = seal_new(secret) }, in = { .seal = seal_new(secret) };
	uint64_t best_protect = UINT64_MAX, best_open = UINT64_MAX;
	size_t len = 0;

	assert(out.seal && in.seal);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t protecting = 0, opening = 0;

		for (int done = 0; done < PACKETS; done += 256) {
			uint64_t begin = clock_nsec(), middle;

			for (int i = 0; i < 256; i++)
				len = protect(&out, media, datagrams[i]);
			middle = clock_nsec();
			for (int i = 0; i < 256; i++)
				take(&in, datagrams[i], len);
			protecting += middle - begin;
			opening += clock_nsec() - middle;
		}
		best_protect = protecting < best_protect ? protecting : best_protect;
		best_open = opening < best_open ? opening : best_open;
	}
	out.seal = seal_free(out.seal);
	in.seal = seal_free(in.seal);
	best_protect /= (PACKETS + 255) / 256 * 256;
	best_open /= (PACKETS + 255) / 256 * 256;
	printf("wire: %zu bytes of datagram for %d of media; protect %llu ns, open %llu ns\n", len,
	       MEDIA_BYTES, (unsigned long long)best_protect, (unsigned long long)best_open);
	printf("wire: both together use %.3f %% of a core at 10 Mb/s, %.1f %% at 1 Gb/s\n",
	       (double)(best_protect + best_open) * 10e6 / (MEDIA_BYTES * 8) / 1e7,
	       (double)(best_protect + best_open) * 1e9 / (MEDIA_BYTES * 8) / 1e7);
	pack_and_unpack(0);
	pack_and_unpack(3);
	return 0;
}
