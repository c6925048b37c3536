#include "bond/parity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/gf256.h"

/*
 * The window slides, so that each packet is in every sum from its own on until it would come too
 * late: a burst of losses has all of that time for its equations, and the sums are spread over time
 * and paths by themselves. The factors are a Cauchy matrix, of which every square part can be
 * inverted; what the edges of the windows leave out of it seldom costs a row.
 *
 * So many sums that a window is lost only when the paths lose DEVIATIONS standard deviations more
 * than on average, and one burst; never more than a third of the media packets. How much the number
 * of losses varies is measured, not reckoned from their share: losses come in bursts, on one path
 * or on all, and a burst has to be covered whole. A short memory lets new losses count soon, a long
 * one knows of bursts that are rare. It is the losses before any recovery that count: what is left
 * over would tell that no parity is needed.
 *
 * In the first seconds nothing is known of the losses, and every one is final, so a few are assumed
 * until it is known better.
 */
#define PPM	   1000000
#define LOSS_MIN   1000 /* ppm: below, nothing is added */
#define DEVIATIONS 3
#define SHARE_MAX  3 /* media packets for one sum, at least */
#define CREDIT_MAX (8 * PARITY_UNIT)

/* Before anything is known: 0.5 % in this many looks of this many packets. */
#define FIRST_LOOKS 16
#define FIRST_SENT  (FIRST_LOOKS * 40)
#define FIRST_LOST  (FIRST_SENT / 200)

#define ONE 1024 /* the sums are counted in these, so that they fade smoothly */

static const unsigned fades[PARITY_MEMORIES] = { 16, 128 }; /* looks */

int parity_init(struct parity_sender *s)
{
	*s = (struct parity_sender){ 0 };
	for (unsigned i = 0; i < PARITY_MEMORIES; i++)
		s->losses[i] = (struct parity_losses){ .looks = FIRST_LOOKS * ONE,
						       .sent = FIRST_SENT * ONE,
						       .lost = FIRST_LOST * ONE,
						       .squares = FIRST_LOST * ONE };
	s->ring = calloc(WIRE_PARITY_PACKETS, sizeof(*s->ring));
	return s->ring ? 0 : -ENOMEM;
}

void parity_deinit(struct parity_sender *s)
{
	free(s->ring);
	s->ring = NULL;
}

uint8_t parity_factor(uint32_t seq, unsigned row)
{
	return gf256_invert((uint8_t)(seq % WIRE_PARITY_PACKETS ^ (WIRE_PARITY_PACKETS + row)));
}

unsigned parity_rows(unsigned packets, unsigned loss_ppm, unsigned spread)
{
	int64_t expected = (int64_t)packets * (loss_ppm < PPM / 4 ? loss_ppm : PPM / 4);
	unsigned most = packets / SHARE_MAX ?: 1, rows = 1;

	if (loss_ppm < LOSS_MIN || !packets)
		return 0;
	for (; rows < most; rows++) {
		int64_t spare = (int64_t)rows * PPM - expected - (int64_t)(spread + 1) * PPM / 2;

		if (spare > 0 && spare / DEVIATIONS * spare / DEVIATIONS >= expected * spread * PPM)
			break;
	}
	return rows;
}

static void losses_add(struct parity_losses *l, unsigned fade, uint64_t lost, uint64_t sent)
{
	l->looks += ONE - l->looks / fade;
	l->sent += sent * ONE - l->sent / fade;
	l->lost += lost * ONE - l->lost / fade;
	l->squares += lost * lost * ONE - l->squares / fade;
}

static unsigned losses_rows(const struct parity_losses *l, unsigned packets)
{
	uint64_t spread;

	if (!l->lost || !l->sent)
		return 0;
	/* Variance over mean; 1, when each packet is lost by itself. */
	spread = (l->squares + l->lost / 2) / l->lost;
	spread -= l->lost / l->looks < spread ? l->lost / l->looks : spread;
	return parity_rows(packets, (unsigned)(l->lost * PPM / l->sent),
			   spread < 1 ? 1 : (unsigned)(spread < 64 ? spread : 64));
}

void parity_look(struct parity_sender *s, uint64_t lost, uint64_t sent)
{
	unsigned packets = s->packets > SHARE_MAX ? s->packets : SHARE_MAX, most = 0;

	for (unsigned i = 0; i < PARITY_MEMORIES; i++) {
		unsigned rows;

		losses_add(&s->losses[i], fades[i], lost, sent);
		rows = losses_rows(&s->losses[i], packets);
		most = rows > most ? rows : most;
	}
	s->share = most * PARITY_UNIT / packets;
	if (!s->share)
		parity_stop(s);
}

void parity_stop(struct parity_sender *s)
{
	s->share = s->packets = s->credit = s->paths = 0;
}

static struct parity_symbol *parity_symbol(const struct parity_sender *s, uint32_t seq)
{
	return &s->ring[seq % WIRE_PARITY_PACKETS];
}

void parity_add(struct parity_sender *s, uint32_t seq, const uint8_t *data, size_t len,
		usec_t captured, usec_t span)
{
	struct parity_symbol *symbol = parity_symbol(s, seq);
	struct writer w = writer_of(symbol->bytes, sizeof(symbol->bytes));

	if (seq != s->next || len > WIRE_PARITY_MEDIA_MAX)
		s->packets = 0;
	s->next = seq + 1;
	if (len > WIRE_PARITY_MEDIA_MAX)
		return;
	writer_u32(&w, (uint32_t)captured);
	writer_u16(&w, (uint16_t)len);
	writer_bytes(&w, data, len);
	symbol->len = (uint16_t)writer_len(&w);
	symbol->captured = captured;
	if (s->packets < WIRE_PARITY_PACKETS)
		s->packets++;
	while (parity_symbol(s, s->next - s->packets)->captured + span < captured)
		s->packets--;
	s->credit += s->share;
	if (s->credit > CREDIT_MAX)
		s->credit = CREDIT_MAX;
}

bool parity_is_due(const struct parity_sender *s)
{
	return s->packets && s->credit >= PARITY_UNIT;
}

usec_t parity_newest(const struct parity_sender *s)
{
	return parity_symbol(s, s->next - 1)->captured;
}

bool parity_make(struct parity_sender *s, usec_t since, struct frame_parity *ret_frame)
{
	unsigned packets = s->packets, len = 0;

	while (packets && parity_symbol(s, s->next - packets)->captured < since)
		packets--;
	if (!packets)
		return false;
	memset(s->sum, 0, sizeof(s->sum));
	for (unsigned i = packets; i; i--) {
		const struct parity_symbol *symbol = parity_symbol(s, s->next - i);

		gf256_add_scaled(s->sum, symbol->bytes, symbol->len,
				 parity_factor(s->next - i, s->row));
		len = symbol->len > len ? symbol->len : len;
	}
	*ret_frame = (struct frame_parity){ .first = s->next - packets,
					    .packets = (uint8_t)packets,
					    .row = (uint8_t)s->row,
					    .data = s->sum,
					    .len = (uint16_t)len };
	return true;
}

void parity_sent(struct parity_sender *s, unsigned path_id)
{
	s->row = (s->row + 1) % WIRE_PARITY_ROWS;
	s->credit -= PARITY_UNIT;
	s->paths |= 1u << path_id;
	s->sent++;
}

void parity_skip(struct parity_sender *s)
{
	s->credit = 0;
}
