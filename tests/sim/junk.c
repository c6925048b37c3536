#include "sim/junk.h"

#include <errno.h>
#include <string.h>

int junk_init(struct junk *junk, uint64_t seed)
{
	struct bond_config config = { .role = BOND_ROLE_SENDER };
	struct bond_path_config path = { .name = "stranger", .remote = { .len = 1 } };

	*junk = (struct junk){ .rng = rng_of(seed) };
	bond_config_defaults(&config);
	config.role = BOND_ROLE_SENDER;
	memset(config.key, 0xee, sizeof(config.key));
	memset(config.seed, 0xdd, sizeof(config.seed));
	config.instance = 666;
	config.unix_minus_now = UINT64_C(2000000000) * USEC_PER_SEC;
	junk->stranger = bond_new(&config, 0);
	if (!junk->stranger)
		return -ENOMEM;
	(void)bond_path_add(junk->stranger, &path, 0);
	return 0;
}

void junk_deinit(struct junk *junk)
{
	junk->stranger = junk->stranger ? bond_free(junk->stranger) : NULL;
}

void junk_capture(struct junk *junk, bool to_receiver, const uint8_t *data, size_t len)
{
	struct junk_item *item = &junk->capture[rng_below(&junk->rng, JUNK_CAPTURES)];

	if (junk->captures < JUNK_CAPTURES)
		item = &junk->capture[junk->captures++];
	if (len > sizeof(item->data))
		return;
	item->to_receiver = to_receiver;
	item->len = len;
	memcpy(item->data, data, len);
}

static void random_bytes(struct junk *junk, struct junk_item *item)
{
	/* First bytes that mean something get past the first look. */
	static const uint8_t first[] = { 0x00, 0x80, 0x90, 0xa1, 0xa2, 0xc0, 0xe3, 0xff };

	item->len = rng_below(&junk->rng, sizeof(item->data) + 1);
	for (size_t i = 0; i < item->len; i++)
		item->data[i] = (uint8_t)rng_u64(&junk->rng);
	if (item->len)
		item->data[0] = first[rng_below(&junk->rng, sizeof(first))];
	item->to_receiver = rng_chance(&junk->rng, 500000);
}

static bool strange_hello(struct junk *junk, usec_t now, struct junk_item *item)
{
	struct bond_datagram datagram;

	if (bond_wakeup_at(junk->stranger) <= now)
		bond_wakeup(junk->stranger, now);
	if (!bond_next_datagram(junk->stranger, &datagram, now) ||
	    datagram.len > sizeof(item->data))
		return false;
	item->to_receiver = true;
	item->len = datagram.len;
	memcpy(item->data, datagram.data, datagram.len);
	return true;
}

void junk_next(struct junk *junk, usec_t now, struct junk_item *ret_item)
{
	struct junk_item *item = ret_item;
	uint64_t kind = rng_below(&junk->rng, 5);

	item->elsewhere = rng_chance(&junk->rng, 500000);
	if (kind == 0 && strange_hello(junk, now, item))
		return;
	if (kind <= 1 || !junk->captures) {
		random_bytes(junk, item);
		return;
	}
	{
		bool elsewhere = item->elsewhere;

		*item = junk->capture[rng_below(&junk->rng, junk->captures)];
		item->elsewhere = elsewhere;
	}
	if (kind == 2)
		item->len = rng_below(&junk->rng, item->len);
	else if (kind == 3 && item->len)
		item->data[rng_below(&junk->rng, item->len)] ^=
			(uint8_t)(1u << rng_below(&junk->rng, 8));
}
