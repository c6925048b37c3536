#include "net/mux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"
#include "sys/log.h"
#include "uplinkd/wire.h"

/*
 * Addresses that were authentic once are remembered in a small set-associative table: no lists, no
 * allocation, the least used of a set goes. Being forgotten costs one more trial.
 *
 * A trial costs an AEAD check (about a microsecond) per bond, a hello not much more unless its
 * sender knows the key (then a Diffie-Hellman); the budgets below bound what a flood from many
 * addresses costs to a few per cent of a core, and hellos have their own so that a flood of the
 * cheaper kind does not lock out a new sender.
 *
 * A host with several addresses must answer from the one that was asked, or a NAT on the way drops
 * the answer. So each of our addresses is a link of its own to the bond; the system takes in
 * datagrams for addresses of its own only, which bounds their number.
 */
#define TABLE_SETS   64
#define TABLE_WAYS   4
#define BATCHES_MAX  16
#define TRIALS_MAX   10000 /* sealed datagrams from unknown addresses, per second */
#define HELLOS_MAX   200   /* per second */
#define LOCALS_MAX   16
#define LOG_INTERVAL (10 * USEC_PER_SEC)
#define BUFFER_BYTES (8 * 1024 * 1024)

struct entry {
	struct bond_address from;
	uint8_t bond;
	usec_t used;
};

struct bucket {
	usec_t second; /* start of the second that is counted */
	unsigned spent;
};

struct mux {
	struct loop *loop;
	int fd;
	struct bond_address local;
	unsigned locals;
	struct bond_address at[LOCALS_MAX]; /* our addresses that were written to, by `link` */
	struct loop_io io;
	struct udp_batch *batch;
	struct udp_sender *sender;
	unsigned bonds;
	struct bond *bond[MUX_BONDS_MAX];
	struct pump *pump[MUX_BONDS_MAX];
	bool turn[MUX_BONDS_MAX]; /* got something in this batch */
	struct entry table[TABLE_SETS][TABLE_WAYS];
	struct bucket trials, hellos;
	void (*on_log)(void *owner, int level, const char *text);
	void *owner;
	struct log_limit limit_foreign, limit_unknown;
	struct mux_stats stats;
};

static struct entry *entry_set(struct mux *mux, const struct bond_address *from)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (unsigned i = 0; i < from->len; i++)
		hash = (hash ^ from->bytes[i]) * 16777619u;
	return mux->table[(hash ^ hash >> 16) % TABLE_SETS];
}

static struct entry *entry_find(struct mux *mux, const struct bond_address *from)
{
	struct entry *set = entry_set(mux, from);

	for (unsigned i = 0; i < TABLE_WAYS; i++)
		if (address_equal(&set[i].from, from))
			return &set[i];
	return NULL;
}

static void entry_remember(struct mux *mux, const struct bond_address *from, unsigned bond,
			   usec_t now)
{
	struct entry *set = entry_set(mux, from), *place = entry_find(mux, from);

	if (!place) {
		place = set;
		for (unsigned i = 1; i < TABLE_WAYS; i++)
			if (set[i].used < place->used)
				place = &set[i];
	}
	*place = (struct entry){ .from = *from, .bond = (uint8_t)bond, .used = now };
}

static bool bucket_take(struct bucket *bucket, unsigned limit, usec_t now)
{
	if (usec_since(bucket->second, now) >= USEC_PER_SEC)
		*bucket = (struct bucket){ .second = now };
	return bucket->spent++ < limit;
}

static void tell_limited(struct mux *mux, struct log_limit *limit, usec_t now, const char *text)
{
	char line[400];
	unsigned more;

	if (!log_limit_pass(limit, now, &more))
		return;
	(void)snprintf(line, sizeof(line), "%s%s", text, more ? " (and more like it)" : "");
	mux->on_log(mux->owner, LOG_LEVEL_WARNING, line);
}

static void tell_nobody(struct mux *mux, const struct udp_datagram *datagram, bool is_ours)
{
	char text[300], from[ADDRESS_TEXT_MAX];
	usec_t now = loop_now(mux->loop);

	(void)address_text(&datagram->from, from);
	if (!is_ours) {
		(void)snprintf(text, sizeof(text),
			       "%s sends datagrams that are not of uplinkd; they are ignored",
			       from);
		tell_limited(mux, &mux->limit_foreign, now, text);
		return;
	}
	if (datagram->data[0] != WIRE_HELLO_ASK)
		return; /* the rest of an old session: its sender will ask anew */
	(void)snprintf(text, sizeof(text),
		       "%s asks for a session but is refused: check that its key is the same as "
		       "here, its clock right and its version of uplinkd this one",
		       from);
	tell_limited(mux, &mux->limit_unknown, now, text);
}

static uint32_t link_of(struct mux *mux, const struct bond_address *local)
{
	for (unsigned i = 0; i < mux->locals; i++)
		if (address_equal(&mux->at[i], local))
			return i;
	if (!local->len || mux->locals == LOCALS_MAX)
		return LOCALS_MAX;
	mux->at[mux->locals] = *local;
	return mux->locals++;
}

static enum bond_input_result try_bond(struct mux *mux, unsigned i,
				       const struct udp_datagram *datagram)
{
	usec_t now = pump_time(mux->pump[i], datagram->arrived);

	mux->turn[i] = true;
	return bond_input(mux->bond[i], link_of(mux, &datagram->local), &datagram->from,
			  datagram->data, datagram->len, now);
}

static void try_all(struct mux *mux, const struct udp_datagram *datagram)
{
	bool is_hello = datagram->data[0] == WIRE_HELLO_ASK;
	usec_t now = datagram->arrived;
	uint8_t first = datagram->data[0], copy[UDP_PAYLOAD_MAX];

	if (!(is_hello ? bucket_take(&mux->hellos, HELLOS_MAX, now)
		       : bucket_take(&mux->trials, TRIALS_MAX, now))) {
		mux->stats.over_rate++;
		return;
	}
	/* A bond opens datagrams in place, which leaves a foreign one in shreds. */
	if (mux->bonds > 1)
		memcpy(copy, datagram->data, datagram->len);
	for (unsigned i = 0; i < mux->bonds; i++) {
		if (i)
			memcpy(datagram->data, copy, datagram->len);
		switch (try_bond(mux, i, datagram)) {
		case BOND_INPUT_TAKEN:
			entry_remember(mux, &datagram->from, i, now);
			return;
		case BOND_INPUT_REFUSED:
			return;
		case BOND_INPUT_FOREIGN:
			break;
		}
	}
	datagram->data[0] = first;
	mux->stats.unknown++;
	tell_nobody(mux, datagram, true);
}

static void take(struct mux *mux, const struct udp_datagram *datagram)
{
	struct entry *entry;
	uint8_t first = datagram->len ? datagram->data[0] : 0;

	mux->stats.datagrams++;
	mux->stats.bytes += datagram->len;
	if (datagram->cut || (first != WIRE_HELLO_ASK && (first < 0xc0 || first == 0xff))) {
		mux->stats.foreign++;
		tell_nobody(mux, datagram, false);
		return;
	}
	entry = entry_find(mux, &datagram->from);
	if (!entry || (mux->bonds > 1 && first == WIRE_HELLO_ASK)) {
		try_all(mux, datagram);
		return;
	}
	entry->used = datagram->arrived;
	if (try_bond(mux, entry->bond, datagram) == BOND_INPUT_FOREIGN) {
		/* Someone else behind that address now, or someone who forges it: the next one is
		 * tried with all. */
		mux->stats.forged++;
		entry->from.len = 0;
		tell_nobody(mux, datagram, true);
	}
}

static void on_readable(struct loop_io *io, unsigned events)
{
	struct mux *mux = io->owner;
	struct udp_datagram *datagrams;

	(void)events;
	for (unsigned i = 0; i < BATCHES_MAX; i++) {
		int n = udp_receive(mux->fd, mux->batch, &datagrams);

		if (n < 0)
			(void)udp_drain_errors(mux->fd, NULL);
		for (int k = 0; k < n; k++)
			take(mux, &datagrams[k]);
		if (n < UDP_BATCH)
			break;
	}
	for (unsigned i = 0; i < mux->bonds; i++)
		if (mux->turn[i]) {
			mux->turn[i] = false;
			pump_turn(mux->pump[i]);
		}
}

void mux_send(struct mux *mux, const struct bond_datagram *datagram)
{
	uint32_t link = datagram->link;

	(void)udp_send(mux->sender, mux->fd, &datagram->to,
		       link < mux->locals ? &mux->at[link] : NULL, datagram->data, datagram->len);
}

void mux_flush(struct mux *mux)
{
	(void)udp_flush(mux->sender, mux->fd, NULL);
}

int mux_add(struct mux *mux, struct bond *bond, struct pump *pump)
{
	if (mux->bonds == MUX_BONDS_MAX)
		return -ENOSPC;
	mux->bond[mux->bonds] = bond;
	mux->pump[mux->bonds++] = pump;
	return 0;
}

int mux_new(struct loop *loop, const struct bond_address *local, int fd,
	    void (*on_log)(void *owner, int level, const char *text), void *owner,
	    struct mux **ret_mux)
{
	struct udp_config config = {
		.local = *local,
		.receive_bytes = BUFFER_BYTES,
		.send_bytes = BUFFER_BYTES / 8,
		.timestamps = true,
		.locals = true,
	};
	struct mux *mux = calloc(1, sizeof(*mux));
	char text[ADDRESS_TEXT_MAX];

	if (!mux)
		return -ENOMEM;
	*mux = (struct mux){ .loop = loop,
			     .on_log = on_log,
			     .owner = owner,
			     .limit_foreign.interval = LOG_INTERVAL,
			     .limit_unknown.interval = LOG_INTERVAL };
	mux->fd = fd >= 0 ? fd : udp_open(&config);
	if (mux->fd < 0) {
		int r = mux->fd;

		log_err("cannot listen at UDP %s: %s%s", address_text(local, text), strerror(-r),
			r == -EADDRINUSE ? "; is another uplinkd running?" : "");
		(void)mux_free(mux);
		return r;
	}
	mux->batch = udp_batch_new();
	mux->sender = udp_sender_new();
	if (!mux->batch || !mux->sender || udp_local(mux->fd, &mux->local)) {
		(void)mux_free(mux);
		return -ENOMEM;
	}
	loop_io_init(&mux->io, loop, mux->fd, on_readable, mux);
	loop_io_set(&mux->io, LOOP_READ);
	*ret_mux = mux;
	return 0;
}

struct mux *mux_free(struct mux *mux)
{
	if (!mux)
		return NULL;
	loop_io_deinit(&mux->io);
	if (mux->fd >= 0)
		(void)close(mux->fd);
	mux->batch = udp_batch_free(mux->batch);
	mux->sender = udp_sender_free(mux->sender);
	free(mux);
	return NULL;
}

const struct bond_address *mux_local(const struct mux *mux)
{
	return &mux->local;
}

void mux_stats(const struct mux *mux, struct mux_stats *ret_stats)
{
	*ret_stats = mux->stats;
}
