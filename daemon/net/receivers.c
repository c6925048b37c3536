#include "net/receivers.h"

#include <stdlib.h>
#include <string.h>

#include "net/address.h"

struct receivers {
	struct loop *loop;
	struct loop_timer timer;
	void (*on_change)(void *owner, bool switched);
	void *owner;
	struct failover failover;
	unsigned count;
	struct resolve *resolve[RECEIVERS_MAX]; /* NULL: its name is none, or out of memory */
};

static void on_timer(struct loop_timer *timer)
{
	struct receivers *receivers = timer->owner;

	if (failover_turn(&receivers->failover, loop_now(receivers->loop)))
		receivers->on_change(receivers->owner, true);
	loop_timer_set(timer, failover_wakeup_at(&receivers->failover));
}

static void on_addresses(void *owner)
{
	struct receivers *receivers = owner;

	receivers->on_change(receivers->owner, false);
}

struct receivers *receivers_new(struct loop *loop, void (*on_change)(void *owner, bool switched),
				void *owner)
{
	struct receivers *receivers = calloc(1, sizeof(*receivers));

	if (!receivers)
		return NULL;
	receivers->loop = loop;
	receivers->on_change = on_change;
	receivers->owner = owner;
	failover_init(&receivers->failover, 0);
	loop_timer_init(&receivers->timer, loop, on_timer, receivers);
	return receivers;
}

static void receivers_clear(struct receivers *receivers)
{
	for (unsigned i = 0; i < receivers->count; i++)
		receivers->resolve[i] = resolve_free(receivers->resolve[i]);
	receivers->count = 0;
}

struct receivers *receivers_free(struct receivers *receivers)
{
	if (!receivers)
		return NULL;
	receivers_clear(receivers);
	loop_timer_deinit(&receivers->timer);
	free(receivers);
	return NULL;
}

bool receivers_set(struct receivers *receivers, const char *const *targets, unsigned count)
{
	bool same = receivers->count == count;

	for (unsigned i = 0; same && i < count; i++)
		same = receivers->resolve[i] &&
		       !strcmp(resolve_target(receivers->resolve[i]), targets[i]);
	if (same)
		return false;
	receivers_clear(receivers);
	receivers->count = count < RECEIVERS_MAX ? count : RECEIVERS_MAX;
	failover_init(&receivers->failover, receivers->count);
	for (unsigned i = 0; i < receivers->count; i++)
		receivers->resolve[i] =
			resolve_new(receivers->loop, targets[i], on_addresses, receivers);
	return true;
}

struct resolve *receivers_present(const struct receivers *receivers)
{
	return receivers->count ? receivers->resolve[receivers->failover.now] : NULL;
}

/* Addresses of another receiver than the present one; 0: of none. */
static unsigned other(const struct receivers *receivers, unsigned i,
		      const struct bond_address **ret)
{
	return i != receivers->failover.now && receivers->resolve[i]
		       ? resolve_addresses(receivers->resolve[i], ret)
		       : 0;
}

unsigned receivers_asked(struct receivers *receivers, int family,
			 struct bond_address ret_others[static RECEIVERS_MAX])
{
	const struct bond_address *list;
	unsigned n = 0;

	if (!failover_asked(&receivers->failover, loop_now(receivers->loop)))
		return 0;
	for (unsigned i = 0; i < receivers->count; i++) {
		unsigned count = other(receivers, i, &list), k = 0;

		while (k < count && address_family(&list[k]) != family)
			k++;
		if (k < count)
			ret_others[n++] = list[k];
	}
	return n;
}

bool receivers_answered(struct receivers *receivers, const struct bond_address *from)
{
	const struct bond_address *list;

	for (unsigned i = 0; i < receivers->count; i++) {
		unsigned count = other(receivers, i, &list);

		for (unsigned k = 0; k < count; k++) {
			if (!address_equal(from, &list[k]))
				continue;
			failover_answered(&receivers->failover, i, loop_now(receivers->loop));
			loop_timer_set(&receivers->timer, failover_wakeup_at(&receivers->failover));
			return true;
		}
	}
	return false;
}

void receivers_heard(struct receivers *receivers)
{
	failover_heard(&receivers->failover);
}
