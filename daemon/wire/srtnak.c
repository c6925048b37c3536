#include "wire/srtnak.h"

#include <string.h>

#include "base/cursor.h"
#include "base/seq.h"
#include "wire/srthdr.h"

/*
 * Sequence numbers are circular, so everything is reckoned as a distance from `next`: numbers
 * before it are negative, and as long as no range is 2^29 old these distances are ordered like
 * integers. A range that old is dropped (nine hours at 16000 packets a second without a single ACK
 * that passes it: nobody waits for it any more).
 *
 * The set is an array in order. Growth happens at its end, forgetting at its beginning, and a
 * retransmission that comes through after all may split a range in the middle. When there is no
 * room, the two ranges with the least between them become one: a NAK for a packet in between is
 * then swallowed although it was delivered to the loopback; the receiver has it in all likelihood.
 */

#define AGE_MAX (1 << 29)

void srtnak_init(struct srtnak *filter)
{
	memset(filter, 0, sizeof(*filter));
}

static int32_t distance(const struct srtnak *filter, uint32_t seq)
{
	return seq31_diff(seq, filter->next);
}

/* The first range that does not end before @seq; count when there is none. */
static unsigned range_at(const struct srtnak *filter, uint32_t seq)
{
	unsigned low = 0, high = filter->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (distance(filter, filter->range[middle].last) < distance(filter, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool srtnak_contains(const struct srtnak *filter, uint32_t seq)
{
	unsigned i = range_at(filter, seq);

	return i < filter->count &&
	       distance(filter, filter->range[i].first) <= distance(filter, seq);
}

static void range_remove(struct srtnak *filter, unsigned i, unsigned n)
{
	filter->count -= n;
	memmove(&filter->range[i], &filter->range[i + n],
		(filter->count - i) * sizeof(filter->range[0]));
}

static void range_merge_nearest(struct srtnak *filter)
{
	unsigned best = 1;
	int32_t best_gap = INT32_MAX;

	for (unsigned i = 1; i < filter->count; i++) {
		int32_t gap = seq31_diff(filter->range[i].first, filter->range[i - 1].last);

		if (gap < best_gap) {
			best_gap = gap;
			best = i;
		}
	}
	filter->range[best - 1].last = filter->range[best].last;
	range_remove(filter, best, 1);
	filter->merged++;
}

/* [@first, @last] ends just below the number that becomes `next`. */
static void range_append(struct srtnak *filter, uint32_t first, uint32_t last)
{
	if (filter->count == SRTNAK_RANGES)
		range_merge_nearest(filter);
	filter->range[filter->count].first = first;
	filter->range[filter->count].last = last;
	filter->count++;
	filter->given_up += (uint64_t)seq31_diff(last, first) + 1;
}

/* @seq reaches the receiver after all: a NAK for it would be news. */
static void range_take_out(struct srtnak *filter, uint32_t seq)
{
	unsigned i = range_at(filter, seq);
	uint32_t first, last;

	if (!srtnak_contains(filter, seq))
		return;
	first = filter->range[i].first;
	last = filter->range[i].last;
	if (first == last) {
		range_remove(filter, i, 1);
	} else if (seq == first) {
		filter->range[i].first = seq31_add(seq, 1);
	} else if (seq == last) {
		filter->range[i].last = seq31_add(seq, SRTHDR_SEQ_MAX);
	} else if (filter->count < SRTNAK_RANGES) {
		memmove(&filter->range[i + 1], &filter->range[i],
			(filter->count - i) * sizeof(filter->range[0]));
		filter->count++;
		filter->range[i].last = seq31_add(seq, SRTHDR_SEQ_MAX);
		filter->range[i + 1].first = seq31_add(seq, 1);
	}
}

static void srtnak_start(struct srtnak *filter, uint32_t next)
{
	filter->count = 0;
	filter->started = true;
	filter->next = next;
}

static void srtnak_released(struct srtnak *filter, const struct srthdr *data, bool lost)
{
	int32_t ahead = distance(filter, data->seq);

	if (!filter->started || (filter->destination && filter->destination != data->destination) ||
	    ahead > SRTNAK_JUMP_MAX || ahead < -AGE_MAX) {
		srtnak_start(filter, data->seq);
		ahead = 0;
	}
	filter->destination = data->destination;
	if (ahead < 0 || data->retransmitted) {
		range_take_out(filter, data->seq);
		return;
	}
	if (ahead > 0 && lost)
		range_append(filter, filter->next, seq31_add(data->seq, SRTHDR_SEQ_MAX));
	filter->next = seq31_add(data->seq, 1);
	if (filter->count && distance(filter, filter->range[0].first) < -AGE_MAX)
		range_remove(filter, 0, 1);
}

void srtnak_toward_receiver(struct srtnak *filter, const uint8_t *packet, size_t len, bool lost)
{
	struct srthdr_handshake handshake;
	struct srthdr header;

	if (!srthdr_decode(packet, len, &header))
		return;
	if (!header.is_control) {
		srtnak_released(filter, &header, lost);
	} else if (srthdr_handshake(&header, &handshake) &&
		   handshake.request == SRTHDR_REQUEST_CONCLUSION &&
		   handshake.seq <= SRTHDR_SEQ_MAX && handshake.socket != filter->source) {
		/* A new connection; its conclusion may come several times, also late. */
		filter->source = handshake.socket;
		filter->destination = 0;
		srtnak_start(filter, handshake.seq);
	}
}

static void srtnak_acknowledged(struct srtnak *filter, const struct srthdr *ack)
{
	struct cursor in = cursor_of(ack->body, ack->body_len);
	uint32_t seq = cursor_u32(&in);
	unsigned i;

	if (in.failed || seq > SRTHDR_SEQ_MAX || !filter->started || distance(filter, seq) > 0)
		return;
	i = range_at(filter, seq);
	range_remove(filter, 0, i);
	if (filter->count && distance(filter, filter->range[0].first) < distance(filter, seq))
		filter->range[0].first = seq;
}

static void loss_encode(struct writer *out, uint32_t first, uint32_t last)
{
	struct writer w = *out;

	if (first != last) {
		writer_u32(&w, first | 0x80000000u);
		writer_u32(&w, last);
	} else {
		writer_u32(&w, first);
	}
	if (!w.failed)
		*out = w;
}

/* Writes what of [@first, @last] was not given up. True when something was. */
static bool loss_filter(const struct srtnak *filter, uint32_t first, uint32_t last,
			struct writer *out)
{
	bool found = false;

	for (unsigned i = range_at(filter, first); i < filter->count; i++) {
		if (distance(filter, filter->range[i].first) > distance(filter, last))
			break;
		found = true;
		if (distance(filter, first) < distance(filter, filter->range[i].first))
			loss_encode(out, first, seq31_add(filter->range[i].first, SRTHDR_SEQ_MAX));
		first = seq31_add(filter->range[i].last, 1);
		if (distance(filter, filter->range[i].last) >= distance(filter, last))
			return true;
	}
	loss_encode(out, first, last);
	return found;
}

static size_t nak_filter(struct srtnak *filter, const struct srthdr *nak, const uint8_t *packet,
			 uint8_t *out, size_t size)
{
	struct cursor in = cursor_of(nak->body, nak->body_len);
	struct writer w = writer_of(out, size);
	bool found = false;

	writer_bytes(&w, packet, SRTHDR_BYTES);
	while (cursor_left(&in)) {
		uint32_t first = cursor_u32(&in), last = first;

		if (first > SRTHDR_SEQ_MAX) {
			first &= SRTHDR_SEQ_MAX;
			last = cursor_u32(&in);
		}
		found |= loss_filter(filter, first, last, &w);
	}
	if (w.failed || writer_len(&w) == SRTHDR_BYTES) {
		filter->swallowed++;
		return 0;
	}
	filter->trimmed += found;
	return writer_len(&w);
}

size_t srtnak_toward_sender(struct srtnak *filter, const uint8_t *packet, size_t len, uint8_t *out,
			    size_t size)
{
	struct srthdr header;

	if (srthdr_decode(packet, len, &header) && header.is_control) {
		if (header.type == SRTHDR_ACK)
			srtnak_acknowledged(filter, &header);
		if (header.type == SRTHDR_NAK) {
			if (srthdr_is_sane(packet, len))
				return nak_filter(filter, &header, packet, out, size);
			filter->malformed++;
			return 0;
		}
	}
	if (!len || len > size)
		return 0;
	memcpy(out, packet, len);
	return len;
}
