#include "fuzz/fuzz.h"

#include <string.h>

#include "bond/recovery.h"

/*
 * A sender of media and parity, a receiver, and what the network does between them, as a script:
 *
 *     0 | u8 length | u8 fill             a media packet leaves and arrives
 *     1 | u8 length | u8 fill             ... is lost
 *     2 | u8 packets                      a parity packet over the last ones arrives
 *     3 | u8 ms                           time passes
 *     4 | u16 seq | u8 length             a media packet from elsewhere arrives
 *     5 | u16 seq | u8 packets | u8 row | u8 length | bytes    parity from elsewhere
 *
 * What is got back must be what was sent, as long as nothing came from elsewhere. That must not
 * be able to do harm: the rows stay solved as far as they are.
 */
#define HOLD  (200 * USEC_PER_MS)
#define SENT  4096
#define SPAN  (USEC_PER_SEC)
#define STEPS 6

struct ends {
	struct parity_sender sender;
	struct recovery recovery;
	struct playout playout;
	usec_t now;
	uint32_t seq;
	bool strange;
	struct {
		uint8_t len, fill;
	} sent[SENT];
};

static void arrive(struct ends *e, uint32_t seq, const uint8_t *data, uint16_t len)
{
	struct frame_data frame = {
		.seq = seq, .time = (uint32_t)e->now, .data = data, .len = len
	};

	playout_put(&e->playout, &frame, e->now);
	recovery_media(&e->recovery, &e->playout, seq, e->now);
}

static void leave(struct ends *e, struct cursor *in, bool lost)
{
	uint8_t data[UINT8_MAX], len = cursor_u8(in), fill = cursor_u8(in);

	if (in->failed || e->seq == SENT)
		return;
	memset(data, fill, sizeof(data));
	e->sent[e->seq].len = len;
	e->sent[e->seq].fill = fill;
	parity_add(&e->sender, e->seq, data, len, e->now, SPAN);
	if (!lost)
		arrive(e, e->seq, data, len);
	e->seq++;
}

static void sum(struct ends *e, struct cursor *in)
{
	unsigned packets = cursor_u8(in);
	struct frame_parity frame;

	if (packets < e->sender.packets)
		e->sender.packets = packets;
	if (!parity_make(&e->sender, 0, &frame))
		return;
	parity_sent(&e->sender, 0);
	e->sender.credit = PARITY_UNIT;
	recovery_parity(&e->recovery, &e->playout, &frame, e->now);
}

static void strange_media(struct ends *e, struct cursor *in)
{
	uint32_t seq = cursor_u16(in);
	uint8_t len = cursor_u8(in), data[UINT8_MAX] = { 0 };

	e->strange = true;
	arrive(e, seq, data, len);
}

static void strange_sum(struct ends *e, struct cursor *in)
{
	struct frame_parity frame = { .first = cursor_u16(in) };

	e->strange = true;
	frame.packets = (uint8_t)(1 + cursor_u8(in) % WIRE_PARITY_PACKETS);
	frame.row = cursor_u8(in) % WIRE_PARITY_ROWS;
	frame.len = (uint16_t)(WIRE_PARITY_HEADER_BYTES + cursor_u8(in));
	frame.data = cursor_bytes(in, frame.len);
	if (!in->failed)
		recovery_parity(&e->recovery, &e->playout, &frame, e->now);
}

static void release(struct ends *e)
{
	struct bond_media m;

	while (playout_next(&e->playout, &m, e->now)) {
		FUZZ_CHECK(m.len <= WIRE_PARITY_MEDIA_MAX);
		if (e->strange)
			continue;
		FUZZ_CHECK(m.seq < e->seq && m.len == e->sent[m.seq].len);
		for (size_t i = 0; i < m.len; i++)
			FUZZ_CHECK(m.data[i] == e->sent[m.seq].fill);
	}
}

/* Each pivot is 1 and in one row alone; nothing is left that is solved. */
static void check_rows(const struct recovery *r)
{
	FUZZ_CHECK(r->rows <= RECOVERY_ROWS);
	for (unsigned k = 0; k < r->rows; k++) {
		unsigned unknown = 0;

		for (unsigned c = 0; c < RECOVERY_COLUMNS; c++)
			unknown += r->row[k].factor[c] != 0;
		FUZZ_CHECK(unknown > 1 && unknown == r->row[k].unknown);
		for (unsigned other = 0; other < r->rows; other++)
			FUZZ_CHECK(r->row[other].factor[r->row[k].pivot] == (other == k));
		FUZZ_CHECK(r->row[k].len <= PARITY_SYMBOL_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ends e;
	struct cursor in = cursor_of(data, size);

	e = (struct ends){ .now = USEC_PER_SEC };
	if (parity_init(&e.sender) < 0 || recovery_init(&e.recovery) < 0 ||
	    playout_init(&e.playout, 256, HOLD, e.now) < 0)
		abort();
	e.sender.credit = PARITY_UNIT;
	while (cursor_left(&in)) {
		switch (cursor_u8(&in) % STEPS) {
		case 0:
			leave(&e, &in, false);
			break;
		case 1:
			leave(&e, &in, true);
			break;
		case 2:
			sum(&e, &in);
			break;
		case 3:
			e.now += cursor_u8(&in) * USEC_PER_MS;
			break;
		case 4:
			strange_media(&e, &in);
			break;
		case 5:
			strange_sum(&e, &in);
			break;
		}
		release(&e);
		check_rows(&e.recovery);
	}
	playout_deinit(&e.playout);
	recovery_deinit(&e.recovery);
	parity_deinit(&e.sender);
	return 0;
}
