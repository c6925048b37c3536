#include "sim/source.h"

#include <string.h>

#define FRAME_SPAN	(40 * USEC_PER_MS)
#define GROUP_FRAMES	50
#define KEYFRAME_WEIGHT 6    /* a keyframe is that many times an ordinary picture */
#define PREFIX_CHANGES	2048 /* packets; as with a new key, or clocks that drift */
#define EXCEPTION	512  /* one packet of so many has no prefix, as a retransmission of SRT */

void source_fill(uint8_t *data, size_t len, uint64_t number)
{
	struct rng rng = rng_of(number ^ UINT64_C(0x75706c696e6b6421));
	uint64_t word = number;

	memset(data, (int)(number / PREFIX_CHANGES), SOURCE_PREFIX_BYTES);
	for (size_t at = SOURCE_PREFIX_BYTES; at < len; at += sizeof(word)) {
		memcpy(data + at, &word, len - at < sizeof(word) ? len - at : sizeof(word));
		word = rng_u64(&rng);
	}
}

uint64_t source_verify(const uint8_t *data, size_t len)
{
	uint8_t expected[SOURCE_PACKET_BYTES];
	uint64_t number;

	if (len < SOURCE_PREFIX_BYTES + sizeof(number) || len > sizeof(expected))
		return UINT64_MAX;
	memcpy(&number, data + SOURCE_PREFIX_BYTES, sizeof(number));
	source_fill(expected, len, number);
	return memcmp(data, expected, len) ? UINT64_MAX : number;
}

/* A group has the bytes of the rate; a keyframe is heavy, the others vary by 30 %. What does not
 * fill a packet goes over into the next picture. */
static void begin_frame(struct source *s)
{
	uint64_t group = bytes_of_usec(FRAME_SPAN * GROUP_FRAMES, s->config.rate_bps);
	uint64_t unit = group / (GROUP_FRAMES - 1 + KEYFRAME_WEIGHT);
	bool key = s->frame % GROUP_FRAMES == 0;

	s->debt += (int64_t)(key ? unit * KEYFRAME_WEIGHT
				 : unit * (700 + rng_below(&s->rng, 601)) / 1000);
	s->left = s->debt < (int64_t)s->config.bytes ? 1 : (unsigned)(s->debt / s->config.bytes);
	s->debt -= (int64_t)s->left * s->config.bytes;
	s->gap = FRAME_SPAN / 4 / s->left;
	s->next_at = s->frame_at;
	if (s->config.burst) {
		s->next_at -= s->frame % s->config.burst * FRAME_SPAN;
		s->gap = 0;
	}
	s->begins = true;
}

void source_init(struct source *source, const struct source_config *config, uint64_t seed,
		 usec_t begin, usec_t end)
{
	*source = (struct source){ .config = *config,
				   .rng = rng_of(seed),
				   .next_at = config->rate_bps ? begin : USEC_NEVER,
				   .end = end,
				   .frame_at = begin };
	if (!source->config.bytes)
		source->config.bytes = SOURCE_PACKET_BYTES;
	if (config->frames && config->rate_bps)
		begin_frame(source);
}

void source_advise(struct source *source, uint64_t bps)
{
	if (source->config.follow && bps)
		source->config.rate_bps = bps;
}

void source_next(struct source *source, struct source_packet *ret_packet)
{
	struct source *s = source;
	bool key = s->config.frames && s->frame % GROUP_FRAMES == 0;

	ret_packet->number = s->number++;
	ret_packet->len = s->config.bytes;
	ret_packet->prefix = ret_packet->number % EXCEPTION == 7 ? 0 : SOURCE_PREFIX_BYTES;
	ret_packet->begins = s->begins;
	s->begins = false;
	ret_packet->class = key ? WIRE_CLASS_TABLES : WIRE_CLASS_REFERENCE;
	source_fill(ret_packet->data, ret_packet->len, ret_packet->number);
	if (!s->config.frames) {
		s->next_at += usec_of_bytes(s->config.bytes, s->config.rate_bps);
	} else if (--s->left) {
		s->next_at += s->gap;
	} else {
		s->frame++;
		s->frame_at += FRAME_SPAN;
		begin_frame(s);
	}
	if (s->next_at >= s->end)
		s->next_at = USEC_NEVER;
}
