#include "bond/recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/gf256.h"

/*
 * Gauss and Jordan, equation by equation: the rows are in reduced form at any time, that is, each
 * has a pivot, a column that no other row has. A packet that is not here may be lost or still on
 * its way on a slower path; nobody knows, so both are unknown until they come.
 *
 * The columns are those from `base` on, by sequence number. It moves on with the playout and with
 * the windows; what falls behind it will not come any more, or in no new window. Its column is
 * eliminated at the price of one row, so that the rest of the rows goes on without it.
 */
int recovery_init(struct recovery *r)
{
	*r = (struct recovery){ .row = calloc(RECOVERY_ROWS, sizeof(*r->row)) };
	return r->row ? 0 : -ENOMEM;
}

void recovery_deinit(struct recovery *r)
{
	free(r->row);
	r->row = NULL;
}

void recovery_restart(struct recovery *r)
{
	r->rows = 0;
	r->base = 0;
}

static unsigned recovery_column(uint64_t seq)
{
	return seq % RECOVERY_COLUMNS;
}

static void recovery_remove(struct recovery *r, struct recovery_row *row)
{
	struct recovery_row *last = &r->row[--r->rows];

	if (row != last)
		*row = *last;
}

static void row_count(struct recovery_row *row)
{
	row->unknown = 0;
	for (unsigned c = 0; c < RECOVERY_COLUMNS; c++)
		row->unknown += row->factor[c] != 0;
}

/* Takes @column out of @row, with the help of @by. */
static void row_eliminate(struct recovery_row *row, const struct recovery_row *by, unsigned column)
{
	uint8_t factor = gf256_multiply(row->factor[column], gf256_invert(by->factor[column]));

	gf256_add_scaled(row->factor, by->factor, RECOVERY_COLUMNS, factor);
	gf256_add_scaled(row->sum, by->sum, by->len, factor);
	row->len = by->len > row->len ? by->len : row->len;
	row_count(row);
}

/* Takes a media packet out that is here. False: it is longer than the window's longest. */
static bool row_subtract(struct recovery_row *row, const struct held *h, uint8_t factor)
{
	uint8_t header[WIRE_PARITY_HEADER_BYTES];
	struct writer w = writer_of(header, sizeof(header));

	if (sizeof(header) + h->packet->len > row->len)
		return false;
	writer_u32(&w, (uint32_t)h->captured);
	writer_u16(&w, h->packet->len);
	gf256_add_scaled(row->sum, header, sizeof(header), factor);
	gf256_add_scaled(row->sum + sizeof(header), h->packet->data, h->packet->len, factor);
	return true;
}

/* Makes the oldest unknown packet of a row, of which there is one, its pivot. */
static void recovery_pivot(struct recovery *r, struct recovery_row *row)
{
	unsigned c = recovery_column(r->base);
	uint8_t scale;

	while (!row->factor[c])
		c = (c + 1) % RECOVERY_COLUMNS;
	scale = gf256_invert(row->factor[c]);
	gf256_scale(row->factor, RECOVERY_COLUMNS, scale);
	gf256_scale(row->sum, row->len, scale);
	row->pivot = c;
	for (unsigned k = 0; k < r->rows; k++)
		if (&r->row[k] != row && r->row[k].factor[c])
			row_eliminate(&r->row[k], row, c);
}

/* Takes a column out of all rows, at the price of one that has it. */
static void recovery_give_up(struct recovery *r, unsigned column)
{
	struct recovery_row *by = NULL;

	for (unsigned k = 0; k < r->rows; k++)
		if (r->row[k].factor[column] && (!by || r->row[k].pivot == column))
			by = &r->row[k];
	if (!by)
		return;
	for (unsigned k = 0; k < r->rows; k++)
		if (&r->row[k] != by && r->row[k].factor[column])
			row_eliminate(&r->row[k], by, column);
	recovery_remove(r, by);
}

static void recovery_advance(struct recovery *r, uint64_t base)
{
	for (; r->base < base && r->rows; r->base++)
		recovery_give_up(r, recovery_column(r->base));
	if (r->base < base)
		r->base = base;
}

static void recovery_hand_on(struct recovery *r, struct playout *p, const struct recovery_row *row,
			     usec_t now)
{
	uint64_t seq = r->base + recovery_column(row->pivot - r->base);
	struct cursor in = cursor_of(row->sum, row->len);
	struct frame_data data = { .seq = playout_wire_seq(seq) };

	data.time = cursor_u32(&in);
	data.len = cursor_u16(&in);
	data.data = cursor_bytes(&in, data.len);
	if (in.failed) {
		r->dropped++;
		return;
	}
	r->recovered++;
	playout_put(p, &data, now);
}

/* What is solved is in no other row. */
static void recovery_harvest(struct recovery *r, struct playout *p, usec_t now)
{
	for (unsigned k = r->rows; k-- > 0;) {
		if (r->row[k].unknown != 1)
			continue;
		recovery_hand_on(r, p, &r->row[k], now);
		recovery_remove(r, &r->row[k]);
	}
}

/* Fills the next row. False: it is void. */
static bool recovery_fill(struct recovery *r, const struct playout *p,
			  const struct frame_parity *frame, uint64_t first)
{
	struct recovery_row *row = &r->row[r->rows];

	memset(row, 0, sizeof(*row));
	memcpy(row->sum, frame->data, frame->len);
	row->len = frame->len;
	for (uint64_t seq = first; seq < first + frame->packets; seq++) {
		const struct held *h = playout_find(p, seq);
		uint8_t factor = parity_factor(playout_wire_seq(seq), frame->row);

		if (!h)
			row->factor[recovery_column(seq)] = factor;
		else if (!row_subtract(row, h, factor))
			return false;
	}
	for (unsigned k = 0; k < r->rows; k++)
		if (row->factor[r->row[k].pivot])
			row_eliminate(row, &r->row[k], r->row[k].pivot);
	row_count(row);
	return true;
}

/* What of the window is not here; of that what is too old for a column makes it all useless. */
static bool recovery_wants(const struct recovery *r, const struct playout *p, uint64_t first,
			   uint64_t end)
{
	bool wants = false;

	for (uint64_t seq = first; seq < end; seq++) {
		if (playout_find(p, seq))
			continue;
		if (seq < r->base)
			return false;
		wants = true;
	}
	return wants;
}

void recovery_parity(struct recovery *r, struct playout *p, const struct frame_parity *frame,
		     usec_t now)
{
	uint64_t first, end;

	if (!p->has_any || frame->len > PARITY_SYMBOL_MAX) {
		r->dropped++;
		return;
	}
	first = playout_expand(p, frame->first);
	end = first + frame->packets;
	if (end > p->next + p->mask + 1) {
		r->dropped++;
		return;
	}
	recovery_advance(r, p->next);
	recovery_advance(r, end - RECOVERY_COLUMNS);
	if (!recovery_wants(r, p, first, end)) {
		r->useless++;
		return;
	}
	if (r->rows == RECOVERY_ROWS || !recovery_fill(r, p, frame, first)) {
		r->dropped++;
		return;
	}
	if (!r->row[r->rows].unknown) {
		r->useless++;
		return;
	}
	recovery_pivot(r, &r->row[r->rows++]);
	recovery_harvest(r, p, now);
}

void recovery_media(struct recovery *r, struct playout *p, uint32_t wire_seq, usec_t now)
{
	uint64_t seq = playout_expand(p, wire_seq);
	unsigned column = recovery_column(seq);
	const struct held *h;

	recovery_advance(r, p->next);
	h = playout_find(p, seq);
	if (!h || seq < r->base || seq >= r->base + RECOVERY_COLUMNS)
		return;
	for (unsigned k = r->rows; k-- > 0;) {
		struct recovery_row *row = &r->row[k];
		uint8_t factor = row->factor[column];

		if (!factor)
			continue;
		row->factor[column] = 0;
		row->unknown--;
		if (!row_subtract(row, h, factor)) {
			r->dropped++;
			recovery_remove(r, row);
		} else if (!row->unknown) {
			r->useless++;
			recovery_remove(r, row);
		} else if (row->pivot == column) {
			recovery_pivot(r, row);
		}
	}
	recovery_harvest(r, p, now);
}
