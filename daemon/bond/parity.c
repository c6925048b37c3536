#include "bond/parity.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/gf256.h"

/*
 * Row r of a group is the sum over its packets i of symbol i / (i + PACKETS + r), in GF(256). The
 * factors are a Cauchy matrix, of which every square part can be inverted.
 *
 * So many rows that a group is lost only when the paths lose twice the standard deviation more
 * than on average, and one; never more than a quarter of the group.
 */
#define PPM	   1000000
#define LOSS_MIN   1000 /* ppm: below, nothing is added */
#define LOSS_FADES 64	/* of what was reckoned with, so much less is believed the next time */
#define SHARE_MAX  4	/* one row for so many packets at most */
#define TIME_BYTES 4

static uint8_t parity_factor(unsigned packet, unsigned row)
{
	return gf256_invert((uint8_t)(packet ^ (WIRE_PARITY_PACKETS + row)));
}

/* --- sender ----------------------------------------------------------------------------------- */

unsigned parity_rows(unsigned packets, unsigned loss_ppm)
{
	int64_t expected = (int64_t)packets * (loss_ppm < PPM / 4 ? loss_ppm : PPM / 4);
	unsigned most = packets / SHARE_MAX, rows = 2;

	if (loss_ppm < LOSS_MIN || !packets)
		return 0;
	if (most > WIRE_PARITY_ROWS)
		most = WIRE_PARITY_ROWS;
	for (; rows < most; rows++) {
		int64_t spare = (int64_t)(rows - 1) * PPM - expected;

		if (spare > 0 && spare * spare >= 4 * expected * PPM)
			break;
	}
	return most && rows > most ? most : !most ? 1 : rows;
}

void parity_tune(struct parity_sender *s, unsigned loss_ppm)
{
	unsigned faded = s->loss_ppm - s->loss_ppm / LOSS_FADES;

	/* Losses come in bursts: between two of them the paths look clean. */
	s->loss_ppm = loss_ppm < faded ? faded : loss_ppm;
	if (s->loss_ppm < LOSS_MIN)
		parity_stop(s);
}

void parity_stop(struct parity_sender *s)
{
	s->loss_ppm = 0;
	for (unsigned i = 0; i < 2; i++)
		s->group[i].packets = s->group[i].rows = 0;
}

static void parity_begin(struct parity_sender *s, uint32_t seq, usec_t captured)
{
	struct parity_group *g = &s->group[s->adding];

	g->first = seq;
	g->packets = g->sent = g->len = g->paths = 0;
	g->rows = parity_rows(WIRE_PARITY_PACKETS, s->loss_ppm);
	g->since = captured;
	for (unsigned row = 0; row < g->rows; row++)
		memset(&g->row[row], 0, sizeof(g->row[row]));
}

static void parity_close(struct parity_sender *s)
{
	struct parity_group *g = &s->group[s->adding];
	unsigned rows = parity_rows(g->packets, s->loss_ppm);

	if (rows < g->rows)
		g->rows = rows;
	s->adding ^= 1;
	s->group[s->adding].packets = s->group[s->adding].rows = 0;
}

void parity_add(struct parity_sender *s, uint32_t seq, const uint8_t *data, size_t len,
		usec_t captured, usec_t span)
{
	struct parity_group *g = &s->group[s->adding];
	uint8_t header[WIRE_PARITY_HEADER_BYTES];
	struct writer w = writer_of(header, sizeof(header));

	if (g->packets && (captured > g->since + span || len > WIRE_PARITY_MEDIA_MAX)) {
		parity_close(s);
		g = &s->group[s->adding];
	}
	if (len > WIRE_PARITY_MEDIA_MAX)
		return;
	if (!g->packets)
		parity_begin(s, seq, captured);
	writer_u32(&w, (uint32_t)captured);
	writer_u16(&w, (uint16_t)len);
	for (unsigned row = 0; row < g->rows; row++) {
		uint8_t factor = parity_factor(g->packets, row);

		gf256_add_scaled(g->row[row].bytes, header, sizeof(header), factor);
		gf256_add_scaled(g->row[row].bytes + sizeof(header), data, len, factor);
	}
	if (sizeof(header) + len > g->len)
		g->len = (unsigned)(sizeof(header) + len);
	if (++g->packets == WIRE_PARITY_PACKETS)
		parity_close(s);
}

usec_t parity_flush(struct parity_sender *s, usec_t span, usec_t now)
{
	struct parity_group *g = &s->group[s->adding];

	if (!g->packets)
		return USEC_NEVER;
	if (now < g->since + span)
		return g->since + span;
	parity_close(s);
	return USEC_NEVER;
}

bool parity_peek(const struct parity_sender *s, struct frame_parity *ret_frame)
{
	const struct parity_group *g = &s->group[s->adding ^ 1];

	if (g->sent >= g->rows)
		return false;
	*ret_frame = (struct frame_parity){ .first = g->first,
					    .packets = (uint8_t)g->packets,
					    .row = (uint8_t)g->sent,
					    .data = g->row[g->sent].bytes,
					    .len = (uint16_t)g->len };
	return true;
}

void parity_sent(struct parity_sender *s, unsigned path_id)
{
	struct parity_group *g = &s->group[s->adding ^ 1];

	g->sent++;
	g->paths |= 1u << path_id;
	s->packets++;
}

void parity_drop(struct parity_sender *s)
{
	s->group[s->adding ^ 1].rows = 0;
}

/* --- receiver --------------------------------------------------------------------------------- */

int parity_receiver_init(struct parity_receiver *r)
{
	r->group = calloc(PARITY_GROUPS, sizeof(*r->group));
	return r->group ? 0 : -ENOMEM;
}

void parity_receiver_deinit(struct parity_receiver *r)
{
	free(r->group);
	r->group = NULL;
}

void parity_receiver_restart(struct parity_receiver *r)
{
	for (unsigned i = 0; i < PARITY_GROUPS; i++)
		r->group[i].rows = 0;
	r->groups = 0;
}

static void parity_free(struct parity_receiver *r, struct parity_held *g)
{
	g->rows = 0;
	r->groups--;
}

/* The packets of a group that are not here, and how many; those beyond the rows do not count. */
static unsigned parity_missing(const struct playout *p, const struct parity_held *g,
			       uint8_t ret_missing[WIRE_PARITY_ROWS])
{
	unsigned missing = 0;

	for (unsigned i = 0; i < g->packets; i++) {
		if (playout_find(p, g->first + i))
			continue;
		if (missing == WIRE_PARITY_ROWS)
			return missing + 1;
		ret_missing[missing++] = (uint8_t)i;
	}
	return missing;
}

/* Takes out of the rows what is here. False: they are not of these packets. */
static bool parity_subtract(const struct playout *p, struct parity_held *g, unsigned rows)
{
	for (unsigned i = 0; i < g->packets; i++) {
		const struct held *h = playout_find(p, g->first + i);
		uint8_t header[WIRE_PARITY_HEADER_BYTES];
		struct writer w = writer_of(header, sizeof(header));

		if (!h)
			continue;
		if (sizeof(header) + h->packet->len > g->len)
			return false;
		writer_u32(&w, (uint32_t)h->captured);
		writer_u16(&w, h->packet->len);
		for (unsigned k = 0; k < rows; k++) {
			uint8_t factor = parity_factor(i, g->number[k]);

			gf256_add_scaled(g->row[k].bytes, header, sizeof(header), factor);
			gf256_add_scaled(g->row[k].bytes + sizeof(header), h->packet->data,
					 h->packet->len, factor);
		}
	}
	return true;
}

/* Gauss and Jordan; no part of a Cauchy matrix has a zero where a pivot is looked for. */
static void parity_solve(struct parity_held *g, const uint8_t *missing, unsigned count)
{
	uint8_t matrix[WIRE_PARITY_ROWS][WIRE_PARITY_ROWS];

	for (unsigned k = 0; k < count; k++)
		for (unsigned c = 0; c < count; c++)
			matrix[k][c] = parity_factor(missing[c], g->number[k]);
	for (unsigned pivot = 0; pivot < count; pivot++) {
		uint8_t scale = gf256_invert(matrix[pivot][pivot]);

		gf256_scale(matrix[pivot], count, scale);
		gf256_scale(g->row[pivot].bytes, g->len, scale);
		for (unsigned k = 0; k < count; k++) {
			uint8_t factor = matrix[k][pivot];

			if (k == pivot || !factor)
				continue;
			gf256_add_scaled(matrix[k], matrix[pivot], count, factor);
			gf256_add_scaled(g->row[k].bytes, g->row[pivot].bytes, g->len, factor);
		}
	}
}

static void parity_hand_on(struct parity_receiver *r, struct playout *p, struct parity_held *g,
			   uint64_t seq, const struct parity_row *row, usec_t now)
{
	struct cursor in = cursor_of(row->bytes, g->len);
	struct frame_data data = { .seq = playout_wire_seq(seq) };

	data.time = cursor_u32(&in);
	data.len = cursor_u16(&in);
	data.data = cursor_bytes(&in, data.len);
	if (in.failed) {
		r->dropped++;
		return;
	}
	if (seq < p->next)
		return;
	r->recovered++;
	playout_put(p, &data, now);
}

/* Gets back what is missing of @g, if that can be done already. The group is free then. */
static void parity_recover(struct parity_receiver *r, struct playout *p, struct parity_held *g,
			   usec_t now)
{
	uint8_t missing[WIRE_PARITY_ROWS];
	unsigned count;

	if (g->first + g->packets <= p->next) {
		parity_free(r, g);
		return;
	}
	count = parity_missing(p, g, missing);
	if (count > g->rows)
		return;
	if (count && !parity_subtract(p, g, count)) {
		r->dropped += g->rows;
		count = 0;
	}
	if (count)
		parity_solve(g, missing, count);
	for (unsigned k = 0; k < count; k++)
		parity_hand_on(r, p, g, g->first + missing[k], &g->row[k], now);
	parity_free(r, g);
}

/* The group of @first, else a free place, else that of the oldest group. */
static struct parity_held *parity_place(struct parity_receiver *r, uint64_t first)
{
	struct parity_held *place = &r->group[0];

	for (unsigned i = 0; i < PARITY_GROUPS; i++) {
		struct parity_held *g = &r->group[i];

		if (g->rows && g->first == first)
			return g;
		if (place->rows && (!g->rows || g->first < place->first))
			place = g;
	}
	if (place->rows) {
		r->dropped += place->rows;
		parity_free(r, place);
	}
	place->first = first;
	return place;
}

void parity_take(struct parity_receiver *r, struct playout *playout,
		 const struct frame_parity *frame, usec_t now)
{
	struct parity_held *g;
	uint64_t first;

	if (!playout->has_any || frame->len > PARITY_SYMBOL_MAX) {
		r->dropped++;
		return;
	}
	first = playout_expand(playout, frame->first);
	if (first + frame->packets <= playout->next) {
		r->useless++;
		return;
	}
	g = parity_place(r, first);
	if (!g->rows) {
		uint8_t missing[WIRE_PARITY_ROWS];

		g->packets = frame->packets;
		g->len = frame->len;
		if (!parity_missing(playout, g, missing)) {
			r->useless++;
			return;
		}
		r->groups++;
	}
	for (unsigned k = 0; k < g->rows; k++)
		if (g->number[k] == frame->row || g->packets != frame->packets ||
		    g->len != frame->len) {
			r->dropped++;
			return;
		}
	g->number[g->rows] = frame->row;
	memcpy(g->row[g->rows++].bytes, frame->data, frame->len);
	parity_recover(r, playout, g, now);
}

void parity_media(struct parity_receiver *r, struct playout *playout, usec_t now)
{
	for (unsigned i = 0; r->groups && i < PARITY_GROUPS; i++)
		if (r->group[i].rows)
			parity_recover(r, playout, &r->group[i], now);
}
