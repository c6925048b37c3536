#pragma once

#include <stdlib.h>
#include <string.h>

#include "bond/bond.h"
#include "unit/test.h"

/*
 * Two bonds and a few links between them in virtual time: the least that lets a unit test see the
 * whole engine at work. Links have a delay and may be cut; what the network can really do to a
 * stream is the business of tests/sim.
 */
#define PAIR_LINKS   3
#define PAIR_FLIGHTS 8192

struct pair_flight {
	usec_t at;
	unsigned link;
	uint16_t len;
	bool up;
	uint8_t data[WIRE_DATAGRAM_MAX];
};

struct pair {
	struct bond *sender, *receiver;
	usec_t now;
	unsigned links;
	usec_t delay[PAIR_LINKS];
	bool cut[PAIR_LINKS];
	unsigned drop_every[PAIR_LINKS]; /* 0: none */
	uint8_t port[PAIR_LINKS];	 /* part of the address, as the receiver sees it */
	struct pair_flight *flight;
	unsigned flights;
	uint64_t sent[2];			  /* datagrams, up and down */
	uint64_t size[WIRE_DATAGRAM_MAX + 1];	  /* of them, upwards, by length */
	uint64_t count[2];			  /* per link, for drop_every */
	uint64_t submitted, received, next, lost; /* media */
	uint64_t control[2]; /* control packets that came out, at sender and receiver */
	usec_t delay_max;
	bool feed_ts;  /* of bonds that are started */
	unsigned off;  /* of these, too: enum bond_switch */
	bool anew;     /* numbers may begin again once */
	usec_t every;  /* between media packets; 0: none */
	size_t prefix; /* zeros before the 1316 bytes of each */
	usec_t next_media;
};

static struct bond_address pair_address(const struct pair *w, unsigned link)
{
	struct bond_address a = { .len = 2 };

	a.bytes[0] = (uint8_t)(link + 1);
	a.bytes[1] = w->port[link];
	return a;
}

static struct bond_config pair_config(enum bond_role role, uint64_t instance)
{
	struct bond_config c = { .role = role,
				 .instance = instance,
				 .unix_minus_now = UINT64_C(1700000000000000) };

	bond_config_defaults(&c);
	memset(c.key, 7, sizeof(c.key));
	memset(c.seed, (int)instance, sizeof(c.seed));
	return c;
}

static void pair_fly(struct pair *w, const struct bond_datagram *d, bool up)
{
	struct pair_flight *f = &w->flight[w->flights];
	unsigned link = d->link;

	w->sent[!up]++;
	assert_in_range(d->len, 1, WIRE_DATAGRAM_MAX);
	w->size[up ? d->len : 0]++;
	assert_in_range(link, 0, w->links - 1);
	if (w->cut[link] || (w->drop_every[link] && ++w->count[0] % w->drop_every[link] == 0))
		return;
	assert_in_range(w->flights, 0, PAIR_FLIGHTS - 1);
	f->at = w->now + w->delay[link];
	f->link = link;
	f->up = up;
	f->len = (uint16_t)d->len;
	memcpy(f->data, d->data, d->len);
	w->flights++;
}

static void pair_drain(struct pair *w, struct bond *b, bool up)
{
	struct bond_datagram d;
	struct bond_media m;

	if (bond_wakeup_at(b) <= w->now)
		bond_wakeup(b, w->now);
	while (bond_next_datagram(b, &d, w->now))
		pair_fly(w, &d, up);
	while (bond_next_media(b, &m, w->now)) {
		if (m.kind != BOND_MEDIA_DATA) {
			w->control[up ? 0 : 1]++;
			continue;
		}
		usec_t sent;

		assert_int_equal(m.len, w->prefix + 1316);
		memcpy(&sent, m.data + w->prefix, sizeof(sent));
		assert_int_equal(m.captured, (uint32_t)sent);
		assert_true(m.seq >= w->next || w->anew);
		if (m.seq < w->next)
			w->anew = false;
		w->lost += m.lost;
		w->next = m.seq + 1;
		w->received++;
		if (w->now - sent > w->delay_max)
			w->delay_max = w->now - sent;
	}
	assert_true(bond_wakeup_at(b) > w->now);
}

static void pair_deliver(struct pair *w)
{
	for (unsigned i = 0; i < w->flights;) {
		struct pair_flight f = w->flight[i];
		struct bond *to = f.up ? w->receiver : w->sender;
		struct bond_address from = pair_address(w, f.link);

		if (f.at > w->now) {
			i++;
			continue;
		}
		memmove(&w->flight[i], &w->flight[i + 1],
			(w->flights - i - 1) * sizeof(w->flight[0]));
		w->flights--;
		if (to)
			(void)bond_input(to, f.link, &from, f.data, f.len, w->now);
	}
}

static void pair_run(struct pair *w, usec_t span)
{
	usec_t end = w->now + span;

	while (w->now < end) {
		usec_t next = end;

		if (w->every && w->sender && w->now >= w->next_media) {
			uint8_t data[WIRE_PREFIX_MAX + 1316] = { 0 };

			memcpy(data + w->prefix, &w->now, sizeof(w->now));
			if (bond_submit_prefixed(w->sender, WIRE_CLASS_REFERENCE, data,
						 w->prefix + 1316, w->prefix, w->now, w->now) == 0)
				w->submitted++;
			w->next_media = w->now + w->every;
		}
		pair_deliver(w);
		if (w->sender) {
			pair_drain(w, w->sender, true);
			next = usec_min(next, bond_wakeup_at(w->sender));
		}
		if (w->receiver) {
			pair_drain(w, w->receiver, false);
			next = usec_min(next, bond_wakeup_at(w->receiver));
		}
		for (unsigned i = 0; i < w->flights; i++)
			next = usec_min(next, w->flight[i].at);
		if (w->every)
			next = usec_min(next, w->next_media);
		w->now = usec_max(next, w->now + 1);
	}
}

static void pair_start_sender(struct pair *w, uint64_t instance)
{
	struct bond_config c = pair_config(BOND_ROLE_SENDER, instance);

	c.feed_ts = w->feed_ts;
	c.off = w->off;
	w->sender = bond_new(&c, w->now);
	assert_non_null(w->sender);
	for (unsigned i = 0; i < w->links; i++) {
		struct bond_path_config p = { .name = "link0", .link = i };

		p.name[4] = (char)('0' + i);
		p.remote = pair_address(w, i);
		assert_int_equal(bond_path_add(w->sender, &p, w->now), i);
	}
}

static void pair_start_receiver(struct pair *w, uint64_t instance)
{
	struct bond_config c = pair_config(BOND_ROLE_RECEIVER, instance);

	c.feed_ts = w->feed_ts;
	c.off = w->off;
	w->receiver = bond_new(&c, w->now);
	assert_non_null(w->receiver);
}

static void pair_begin(struct pair *w, unsigned links, bool feed_ts)
{
	*w = (struct pair){ .now = 1000000, .links = links, .feed_ts = feed_ts };
	for (unsigned i = 0; i < links; i++)
		w->delay[i] = (5 + 15 * i) * USEC_PER_MS;
	w->flight = calloc(PAIR_FLIGHTS, sizeof(*w->flight));
	assert_non_null(w->flight);
	pair_start_sender(w, 1);
	pair_start_receiver(w, 2);
}

static void pair_init(struct pair *w, unsigned links)
{
	pair_begin(w, links, false);
}

static void pair_deinit(struct pair *w)
{
	w->sender = bond_free(w->sender);
	w->receiver = bond_free(w->receiver);
	free(w->flight);
}
