#include "fuzz/fuzz.h"

#include <string.h>

#include "base/cursor.h"
#include "stream/gate.h"

/*
 * Steps: u8 what to do, then
 *   0 to 0x0f    a new view of the bond: u8 age in 8 ms, u8 rate in 64 kb/s, u8 hold in 8 ms
 *   else         u8 n, n bytes of a packet behind its sync byte, filled up with 0xff
 * Packets come out in the order in which they went in, none is made up, and with a bond that was
 * never slow all of them come out unchanged.
 */
struct order {
	uint64_t in, out;
	bool slow;
	uint8_t sent[256][TS_PACKET_BYTES]; /* ring of what went in */
};

static void view(struct gate *gate, struct cursor *in, struct order *order, usec_t now)
{
	struct gate_view view = {
		.queue_age = (usec_t)cursor_u8(in) * 8 * USEC_PER_MS,
		.rate_bps = (uint64_t)cursor_u8(in) * 64000,
		.hold = (usec_t)cursor_u8(in) * 8 * USEC_PER_MS,
	};

	order->slow |= view.hold > 0;
	gate_view(gate, &view, now);
}

/* What came out is the next that went in, or a later one; at least the PID must be its own. */
static void check_out(struct order *order, const uint8_t *packet)
{
	for (; order->out < order->in; order->out++) {
		const uint8_t *want = order->sent[order->out % 256];

		if (!order->slow) {
			FUZZ_CHECK(!memcmp(packet, want, TS_PACKET_BYTES));
			order->out++;
			return;
		}
		if ((packet[1] & 0x1f) == (want[1] & 0x1f) && packet[2] == want[2] &&
		    (!memcmp(packet + 4, want + 4, TS_PACKET_BYTES - 4) ||
		     (packet[3] & 0x30) == 0x20)) {
			order->out++;
			return;
		}
	}
	FUZZ_CHECK(!"a packet that never went in");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gate gate;
	static struct order order;
	struct cursor in = cursor_of(data, size);
	usec_t now = 0;

	memset(&order, 0, sizeof(order));
	gate_init(&gate, now);
	while (cursor_left(&in)) {
		uint8_t step = cursor_u8(&in), *packet;
		const uint8_t *out;
		size_t n;

		if (step < 0x10) {
			view(&gate, &in, &order, now);
			continue;
		}
		n = cursor_u8(&in) % TS_PACKET_BYTES;
		if (n > cursor_left(&in))
			n = cursor_left(&in);
		packet = malloc(TS_PACKET_BYTES);
		FUZZ_CHECK(packet);
		memset(packet, 0xff, TS_PACKET_BYTES);
		packet[0] = TS_SYNC;
		if (n)
			memcpy(packet + 1, cursor_bytes(&in, n), n);
		memcpy(order.sent[order.in++ % 256], packet, TS_PACKET_BYTES);
		now += step * USEC_PER_MS;
		gate_put(&gate, packet, now);
		free(packet);
		while ((out = gate_next(&gate)))
			check_out(&order, out);
		FUZZ_CHECK(gate.count < GATE_HELD_MAX);
	}
	gate_flush(&gate, now);
	for (const uint8_t *out; (out = gate_next(&gate));)
		check_out(&order, out);
	FUZZ_CHECK(!gate.count);
	FUZZ_CHECK(gate.counters.packets == order.in);
	FUZZ_CHECK(gate_level(&gate) <= GATE_LEVEL_AUDIO);
	return 0;
}
