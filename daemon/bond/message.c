#include "bond/message.h"

#include <errno.h>
#include <string.h>

/*
 * The outgoing is a ring by id; ids only grow. A message is sent in one copy (two when urgent),
 * again when a copy is lost or overdue, until one is acknowledged or it is two seconds old: the
 * feed repeats what matters, and an old acknowledgement is worth nothing.
 *
 * The incoming knows copies by a bitmap behind the highest id seen. What is older than the bitmap
 * is taken for a copy.
 */
int outgoing_init(struct outgoing *o)
{
	memset(o, 0, sizeof(*o));
	return packet_pool_init(&o->pool, MESSAGE_OUT_MAX);
}

void outgoing_deinit(struct outgoing *o)
{
	packet_pool_deinit(&o->pool);
}

static void outgoing_free(struct outgoing *o, struct message *m)
{
	packet_pool_put(&o->pool, m->packet);
	m->packet = NULL;
	while (o->first != o->next && !o->slot[o->first % MESSAGE_OUT_MAX].packet)
		o->first++;
}

int outgoing_submit(struct outgoing *o, const uint8_t *data, size_t len, unsigned copies,
		    usec_t now)
{
	struct packet *packet = NULL;

	o->submitted++;
	if (o->next - o->first >= MESSAGE_OUT_MAX) {
		o->expired++;
		outgoing_free(o, &o->slot[o->first % MESSAGE_OUT_MAX]);
	}
	packet = packet_pool_get(&o->pool);
	if (!packet) {
		o->refused++;
		return -ENOBUFS;
	}
	memcpy(packet->data, data, len);
	packet->len = (uint16_t)len;
	o->slot[o->next % MESSAGE_OUT_MAX] = (struct message){
		.packet = packet, .id = o->next, .submitted = now, .wanted = (uint8_t)copies
	};
	o->next++;
	return 0;
}

struct message *outgoing_find(struct outgoing *o, uint32_t id)
{
	struct message *m = &o->slot[id % MESSAGE_OUT_MAX];

	return m->packet && m->id == id ? m : NULL;
}

struct message *outgoing_peek(struct outgoing *o, usec_t now)
{
	uint32_t id = o->first;

	for (; id != o->next; id++) {
		struct message *m = &o->slot[id % MESSAGE_OUT_MAX];

		if (m->packet && usec_since(m->submitted, now) > MESSAGE_LIFETIME) {
			o->expired++;
			outgoing_free(o, m);
		} else if (m->packet && m->wanted) {
			return m;
		}
	}
	return NULL;
}

void outgoing_sent(struct message *m, unsigned path_id)
{
	m->wanted--;
	m->paths |= (uint16_t)(1u << path_id);
	if (m->out < UINT8_MAX)
		m->out++;
}

void outgoing_acked(struct outgoing *o, struct message *m)
{
	outgoing_free(o, m);
}

void outgoing_forget_sent(struct outgoing *o)
{
	for (uint32_t id = o->first; id != o->next; id++) {
		struct message *m = &o->slot[id % MESSAGE_OUT_MAX];

		m->out = 0;
		m->paths = 0;
		if (!m->wanted)
			m->wanted = 1;
	}
}

int incoming_init(struct incoming *i)
{
	memset(i, 0, sizeof(*i));
	return packet_pool_init(&i->pool, MESSAGE_IN_MAX + 1);
}

void incoming_deinit(struct incoming *i)
{
	packet_pool_deinit(&i->pool);
}

void incoming_restart(struct incoming *i)
{
	i->started = false;
	memset(i->seen, 0, sizeof(i->seen));
}

static uint64_t *incoming_word(struct incoming *i, uint32_t id)
{
	return &i->seen[id % MESSAGE_WINDOW / 64];
}

/* Marks @id as seen; false when it was before. */
static bool incoming_is_new(struct incoming *i, uint32_t id)
{
	uint64_t bit = UINT64_C(1) << id % 64;

	if (!i->started) {
		i->started = true;
		i->highest = id;
	} else if ((int32_t)(id - i->highest) > 0) {
		uint32_t steps = id - i->highest;

		for (uint32_t n = 1; n <= steps && n <= MESSAGE_WINDOW; n++)
			*incoming_word(i, i->highest + n) &=
				~(UINT64_C(1) << (i->highest + n) % 64);
		i->highest = id;
	} else if (i->highest - id >= MESSAGE_WINDOW) {
		return false;
	}
	if (*incoming_word(i, id) & bit)
		return false;
	*incoming_word(i, id) |= bit;
	return true;
}

void incoming_put(struct incoming *i, uint32_t id, const uint8_t *data, size_t len)
{
	struct packet *packet;

	if (!incoming_is_new(i, id)) {
		i->duplicate++;
		return;
	}
	packet = i->count < MESSAGE_IN_MAX ? packet_pool_get(&i->pool) : NULL;
	if (!packet) {
		i->dropped++;
		return;
	}
	memcpy(packet->data, data, len);
	packet->len = (uint16_t)len;
	i->ready[(i->head + i->count++) % MESSAGE_IN_MAX] = packet;
}

const struct packet *incoming_next(struct incoming *i)
{
	packet_pool_put(&i->pool, i->lent);
	i->lent = NULL;
	if (!i->count)
		return NULL;
	i->lent = i->ready[i->head];
	i->head = (i->head + 1) % MESSAGE_IN_MAX;
	i->count--;
	i->delivered++;
	return i->lent;
}
