#include "fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"
#include "wire/seal.h"

/*
 * A sequence of operations on a sealing and an opening end; what must open and what must not is
 * known to the target. Per operation one byte (low 3 bits: which), then its arguments.
 */
#define KEPT 16

struct datagram {
	bool used;
	unsigned step; /* of the key */
	uint64_t number;
	uint8_t path, header[3], sealed[32 + SEAL_TAG_BYTES];
	size_t len;
};

struct world {
	struct seal *out, *in;
	unsigned out_step, in_step;
	usec_t now, old_until;
	uint64_t number;
	struct datagram kept[KEPT];
	struct replay replay;
};

static void send_one(struct world *w, struct cursor *in)
{
	struct datagram *d = &w->kept[cursor_u8(in) % KEPT];
	size_t len = cursor_u8(in) % 33;
	const uint8_t *plain = cursor_bytes(in, len);

	if (!plain)
		return;
	*d = (struct datagram){ .used = true,
				.step = w->out_step,
				.number = w->number++,
				.path = (uint8_t)len,
				.header = { (uint8_t)len, 1, 2 } };
	d->len = seal_protect(w->out, d->path, d->number, d->header, 3, plain, len, d->sealed);
	FUZZ_CHECK(d->len == len + SEAL_TAG_BYTES);
	FUZZ_CHECK(seal_phase(w->out) == (w->out_step & 1));
}

static void receive_one(struct world *w, struct cursor *in, bool damaged)
{
	struct datagram d = w->kept[cursor_u8(in) % KEPT];
	uint8_t where = cursor_u8(in), out[64];
	bool want, old;
	int n;

	if (!d.used)
		return;
	if (damaged)
		d.sealed[where % d.len] ^= (uint8_t)(1 + where % 255);
	old = d.step + 1 == w->in_step && w->now < w->old_until;
	want = !damaged && (d.step == w->in_step || d.step == w->in_step + 1 || old);
	n = seal_open(w->in, d.step & 1, d.path, d.number, d.header, 3, d.sealed, d.len, out,
		      w->now);
	FUZZ_CHECK(want ? n == (int)(d.len - SEAL_TAG_BYTES) : n == -1);
	if (want && d.step == w->in_step + 1) {
		w->in_step++;
		w->old_until = w->now + SEAL_OLD_KEY_USEC;
	}
	FUZZ_CHECK(seal_phase(w->in) == (w->in_step & 1));
	if (want && replay_is_new(&w->replay, d.number)) {
		replay_record(&w->replay, d.number);
		FUZZ_CHECK(!replay_is_new(&w->replay, d.number));
	}
}

static void receive_raw(struct world *w, struct cursor *in)
{
	uint8_t phase = cursor_u8(in), header_len = cursor_u8(in) % 8;
	const uint8_t *header = cursor_bytes(in, header_len);
	size_t len = cursor_u8(in);
	const uint8_t *sealed = cursor_bytes(in, len);
	uint8_t out[256];

	if (!in->failed)
		FUZZ_CHECK(seal_open(w->in, phase, phase, phase, header, header_len, sealed, len,
				     out, w->now) == -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[SEAL_SECRET_BYTES] = { 42 };
	struct world *w = calloc(1, sizeof(*w));
	struct cursor in = cursor_of(data, size);

	FUZZ_CHECK(w);
	w->out = seal_new(secret);
	w->in = seal_new(secret);
	FUZZ_CHECK(w->out && w->in);
	while (cursor_left(&in)) {
		switch (cursor_u8(&in) & 7) {
		case 0:
		case 1:
			send_one(w, &in);
			break;
		case 2:
		case 3:
			receive_one(w, &in, false);
			break;
		case 4:
			receive_one(w, &in, true);
			break;
		case 5:
			/* The contract: not before the receiver is there. */
			if (w->in_step == w->out_step) {
				FUZZ_CHECK(!seal_next_key(w->out));
				w->out_step++;
			}
			break;
		case 6:
			w->now += cursor_u8(&in) * USEC_PER_SEC / 16;
			break;
		case 7:
			receive_raw(w, &in);
			break;
		}
	}
	w->out = seal_free(w->out);
	w->in = seal_free(w->in);
	free(w);
	return 0;
}
