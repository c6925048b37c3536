#include "sim/state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What goes into the bonds and the links, and what comes out of them. */
#define CONTROL_BYTES 64
#define JUNK_EVERY    (2 * USEC_PER_MS)

static void input(struct world *w, unsigned role, uint32_t link, const struct bond_address *from,
		  const uint8_t *data, size_t len)
{
	memcpy(w->buffer, data, len);
	(void)bond_input(w->side[role].bond, link, from, w->buffer, len, world_local(w, role));
}

void traffic_arrivals(struct world *w, unsigned i)
{
	struct uplink *u = &w->uplink[i];
	const struct link_packet *packet;
	struct bond_address from;

	while ((packet = link_receive(u->up, w->now))) {
		world_hash_event(w, 1, i, packet->data, packet->len);
		if (!w->side[RECEIVER].bond)
			continue;
		if (w->junk_on)
			junk_capture(&w->junk, true, packet->data, packet->len);
		from = world_uplink_address(i, (uint8_t)packet->tag);
		input(w, RECEIVER, 0, &from, packet->data, packet->len);
	}
	while ((packet = link_receive(u->down, w->now))) {
		world_hash_event(w, 2, i, packet->data, packet->len);
		if ((uint8_t)packet->tag != u->port || !u->present || !w->side[SENDER].bond)
			continue;
		if (w->junk_on)
			junk_capture(&w->junk, false, packet->data, packet->len);
		from = world_receiver_address();
		input(w, SENDER, i, &from, packet->data, packet->len);
	}
}

void traffic_junk(struct world *w)
{
	struct junk_item item;
	unsigned link = (unsigned)rng_below(&w->rng, w->links);
	struct bond_address from = world_uplink_address(link, w->uplink[link].port);

	junk_next(&w->junk, w->now, &item);
	w->junk_at = w->now + JUNK_EVERY;
	if (!item.to_receiver)
		from = world_receiver_address();
	if (item.elsewhere)
		from = world_uplink_address(ELSEWHERE_LINK, 0);
	if (w->side[item.to_receiver ? RECEIVER : SENDER].bond)
		input(w, item.to_receiver ? RECEIVER : SENDER, item.to_receiver ? 0 : link, &from,
		      item.data, item.len);
}

static void submit_extra(struct world *w, uint64_t number)
{
	uint8_t data[SOURCE_PACKET_BYTES];
	usec_t now = world_local(w, SENDER);
	uint64_t first = 0;
	unsigned count = coder_extra(&w->coder, number, &first);

	for (unsigned i = 0; i < count && w->side[SENDER].bond; i++) {
		source_fill(data, w->source.config.bytes, first + i);
		(void)bond_submit(w->side[SENDER].bond, BOND_MEDIA_DATA, WIRE_CLASS_REFERENCE, data,
				  w->source.config.bytes, now, now);
	}
}

void traffic_submit_packet(struct world *w, const struct source_packet *packet)
{
	usec_t now = world_local(w, SENDER);
	int r = -EPIPE;

	if (w->side[SENDER].bond)
		r = bond_submit_prefixed(w->side[SENDER].bond, packet->class, packet->data,
					 packet->len, packet->prefix, usec_sub(now, w->config->lag),
					 now);
	if (r == -EPERM || r == -EMSGSIZE)
		world_fail(w, "the bond refuses a packet that is right");
	w->figures->refused += r != 0;
	w->figures->primary_bytes += packet->len;
	if (recorder_submitted(&w->recorder, packet->number, !r, w->now))
		world_fail(w, "out of memory");
	submit_extra(w, packet->number);
}

void traffic_submit_media(struct world *w)
{
	struct source_packet packet;

	source_next(&w->source, &packet);
	if (!w->gated) {
		traffic_submit_packet(w, &packet);
		return;
	}
	gated_put(w->gated, w->side[SENDER].bond, &packet, world_local(w, SENDER));
	while (gated_next(w->gated, &packet))
		traffic_submit_packet(w, &packet);
}

/* Control packet @n: its number, who sent it, and bytes that follow from both. */
static void fill_control(uint8_t data[static CONTROL_BYTES], uint64_t n, unsigned role)
{
	source_fill(data, CONTROL_BYTES, n * 2 + role);
}

void traffic_submit_control(struct world *w)
{
	uint8_t data[CONTROL_BYTES];

	for (unsigned role = 0; role < 2; role++) {
		struct side *side = &w->side[role];

		if (!side->bond || side->control_sent == CONTROLS_MAX)
			continue;
		fill_control(data, side->control_sent, role);
		if (!bond_submit(side->bond,
				 side->control_sent % 8 ? BOND_MEDIA_CONTROL : BOND_MEDIA_URGENT,
				 WIRE_CLASS_TABLES, data, sizeof(data), world_local(w, role),
				 world_local(w, role)))
			w->figures->control_sent++;
		side->control_sent++;
	}
	w->control_at += w->config->control_every;
}

static void check_control(struct world *w, unsigned role, const struct bond_media *media)
{
	uint64_t number = source_verify(media->data, media->len);
	struct side *side = &w->side[role];

	if (media->len != CONTROL_BYTES || number / 2 >= CONTROLS_MAX ||
	    (number & 1) != (role == SENDER ? RECEIVER : SENDER))
		world_fail(w, "a control packet came out that never went in");
	else if (side->control_seen[number / 2]++)
		world_fail(w, "a control packet came out twice");
	else
		w->figures->control_delivered++;
}

void traffic_send(struct world *w, unsigned role, const struct bond_datagram *d)
{
	unsigned i = role == SENDER ? d->link : d->to.bytes[1];
	struct uplink *u;

	if (!d->len || d->len > WIRE_DATAGRAM_MAX || i >= w->links) {
		world_fail(w, i == ELSEWHERE_LINK ? "the bond answers to junk"
						  : "the bond sends an impossible datagram");
		return;
	}
	u = &w->uplink[i];
	world_hash_event(w, 3 + role, i, d->data, d->len);
	if (role == SENDER) {
		uint64_t tick = w->now / WORLD_TICK;
		uint64_t bytes = d->len + FIELD_IP_UDP_BYTES;

		if (!u->present || d->to.len != 1)
			world_fail(w, "the bond sends on an uplink that is not there");
		w->figures->up_bytes += bytes;
		w->figures->link[i].bytes += bytes;
		if (tick < WORLD_TICKS_MAX)
			w->figures->link[i].tick[tick] += (uint32_t)bytes;
		(void)link_send(u->up, d->data, d->len, u->port, w->now);
	} else {
		w->figures->down_bytes += d->len + FIELD_IP_UDP_BYTES;
		(void)link_send(u->down, d->data, d->len, d->to.bytes[2], w->now);
	}
}

static void deliver_coded(struct world *w, const struct bond_media *media)
{
	uint64_t there[CODER_BLOCK_MAX], number = source_verify(media->data, media->len);
	unsigned count = number == UINT64_MAX ? 0 : coder_took(&w->coder, number, there);

	for (unsigned i = 0; i < count; i++)
		(void)recorder_took(&w->recorder, there[i], 0, w->now);
}

void traffic_deliver(struct world *w, unsigned role, const struct bond_media *media)
{
	const char *why;

	world_hash_event(w, 5, role, media->data, media->len);
	if (media->kind != BOND_MEDIA_DATA) {
		check_control(w, role, media);
		return;
	}
	if (w->config->coder.data) {
		deliver_coded(w, media);
		return;
	}
	why = role == SENDER ? "media came out at the sender"
			     : recorder_delivered(&w->recorder, media->data, media->len,
						  media->lost, w->now);
	if (why)
		world_fail(w, why);
	if (media->lost)
		world_trace(w, "\"ev\":\"lost\",\"seq\":%" PRIu64 ",\"lost\":%" PRIu64, media->seq,
			    media->lost);
}
