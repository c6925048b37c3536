#include "net/slot.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sys/log.h"
#include "uplinkd/wire.h"

/*
 * Datagrams that are too long for the way. They go out whole and marked so (DF): fragments double
 * the loss. Told that they do not fit (by the device, by ICMP), or seeing a path lose most of what
 * it carries, which is how a way that swallows them without a word looks from here, fragments are
 * allowed on that uplink. It costs nothing where that was not the cause.
 */
#define LOSS_PPM_MAX   300000 /* of a path, before fragments are tried ... */
#define LOSS_COUNT_MIN 32     /* ... and so many in all: before the bond gives it up for 64 */
#define BATCHES_MAX    8 /* per socket and turn, so that a busy one does not starve the others */

void slot_log(const struct slot_common *common, int level, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	common->on_log(common->log_owner, level, text);
}

int slot_init(struct slot *slot, const struct slot_common *common, uint32_t link, const char *name,
	      const struct rule *rule)
{
	*slot = (struct slot){ .common = common, .link = link, .rule = rule };
	if (uplink_init(&slot->uplink))
		return -ENOMEM;
	slot->used = true;
	(void)snprintf(slot->uplink.name, sizeof(slot->uplink.name), "%s", name);
	if (!rule)
		return 0;
	(void)snprintf(slot->to_text, sizeof(slot->to_text), "%s", rule->to);
	(void)snprintf(slot->address_text, sizeof(slot->address_text), "%s", rule->address);
	if (rule->to[0])
		slot->to = resolve_new(common->loop, rule->to, common->on_change, common->owner);
	return 0;
}

static void slot_allow_fragments(struct slot *slot, unsigned mtu, const char *why)
{
	if (uplink_allow_fragments(&slot->uplink, mtu))
		slot_log(slot->common, LOG_LEVEL_INFO,
			 "uplink %s: %s; from now on long datagrams go in fragments",
			 slot->uplink.name, why);
}

static void slot_failed(struct slot *slot, enum udp_outcome outcome, int error)
{
	struct uplink *uplink = &slot->uplink;
	char text[ADDRESS_TEXT_MAX];

	if (error == EMSGSIZE) {
		slot_allow_fragments(slot, 0, "it does not take full datagrams");
		return;
	}
	if (outcome == UDP_OUTCOME_STALE) {
		uplink->stale = true;
		slot->common->on_stale(slot->common->owner);
	}
	if (error == ECONNREFUSED)
		(void)snprintf(uplink->problem, sizeof(uplink->problem),
			       "nothing listens at %s: is the receiver running there?",
			       address_text(&uplink->remote, text));
	else if (outcome >= UDP_OUTCOME_DROP)
		(void)snprintf(uplink->problem, sizeof(uplink->problem), "cannot send to %s: %s",
			       address_text(&uplink->remote, text), strerror(error));
	else
		return;
	uplink->failing = true;
}

static void slot_errors(struct slot *slot)
{
	unsigned mtu = 0;
	int error = udp_drain_errors(slot->uplink.fd, &mtu);
	char why[64];

	if (mtu) {
		slot->uplink.path_mtu = mtu;
		(void)snprintf(why, sizeof(why), "it takes %u bytes at once at the most", mtu);
		slot_allow_fragments(slot, mtu, why);
	} else if (error) {
		slot_failed(slot, udp_outcome(error), error);
	}
}

/* An answer to what slot_asked() told the others. */
static bool is_of_another_receiver(const struct slot *slot, const struct udp_datagram *datagram)
{
	return !slot->to && datagram->len && datagram->data[0] == WIRE_HELLO_ANSWER &&
	       !address_equal(&datagram->from, &slot->uplink.remote) &&
	       receivers_answered(slot->common->receivers, &datagram->from);
}

static void take_datagram(struct slot *slot, const struct udp_datagram *datagram)
{
	const struct slot_common *common = slot->common;

	if (datagram->cut || is_of_another_receiver(slot, datagram) ||
	    bond_input(common->bond, slot->link, &datagram->from, datagram->data, datagram->len,
		       pump_time(common->pump, datagram->arrived)) != BOND_INPUT_TAKEN)
		return;
	receivers_heard(common->receivers);
	if (slot->uplink.failing) {
		slot->uplink.failing = false;
		slot->uplink.problem[0] = '\0';
	}
}

static void on_readable(struct loop_io *io, unsigned events)
{
	struct slot *slot = io->owner;
	const struct slot_common *common = slot->common;
	struct udp_datagram *datagrams;

	(void)events;
	for (unsigned i = 0; i < BATCHES_MAX; i++) {
		int n = udp_receive(slot->uplink.fd, common->batch, &datagrams);

		if (n <= 0) {
			slot_errors(slot);
			break;
		}
		for (int k = 0; k < n; k++)
			take_datagram(slot, &datagrams[k]);
		if (n < UDP_BATCH)
			break;
	}
	pump_turn(common->pump);
}

static void slot_leave_bond(struct slot *slot)
{
	const struct slot_common *common = slot->common;

	if (slot->uplink.path_id >= 0)
		bond_path_drop(common->bond, (unsigned)slot->uplink.path_id,
			       pump_time(common->pump, USEC_NEVER));
	slot->uplink.path_id = -1;
}

static void slot_path_config(const struct slot *slot, struct bond_path_config *config)
{
	const struct uplink *uplink = &slot->uplink;

	*config = (struct bond_path_config){
		.link = slot->link,
		.remote = uplink->remote,
		.cost = uplink->cost,
		.rate_max_bps = uplink->rate_max_bps,
		.header_bytes = uplink_header_bytes(&uplink->remote),
		.muted = uplink->service != UPLINK_SERVING,
	};
	memcpy(config->name, uplink->name, sizeof(config->name));
}

static void slot_join_bond(struct slot *slot)
{
	const struct slot_common *common = slot->common;
	struct uplink *uplink = &slot->uplink;
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	struct bond_path_config config;

	slot_path_config(slot, &config);
	uplink->path_id = bond_path_add(common->bond, &config, pump_time(common->pump, USEC_NEVER));
	if (uplink->path_id < 0) {
		(void)snprintf(uplink->problem, sizeof(uplink->problem),
			       "there are too many uplinks: at most %d", BOND_PATHS_MAX);
		return;
	}
	loop_io_init(&uplink->io, common->loop, uplink->fd, on_readable, slot);
	loop_io_set(&uplink->io, LOOP_READ);
	slot_log(common, LOG_LEVEL_INFO, "uplink %s: %s%sfrom %s to %s", uplink->name,
		 uplink->on_device, uplink->on_device[0] ? " " : "",
		 address_text(&uplink->local, local), address_text(&uplink->remote, remote));
	if (uplink->fragments)
		slot_log(common, LOG_LEVEL_INFO,
			 "uplink %s: its MTU is small, long datagrams go in fragments",
			 uplink->name);
}

static struct resolve *receiver_of(const struct slot *slot)
{
	return slot->to ? slot->to : receivers_present(slot->common->receivers);
}

unsigned slot_remotes(const struct slot *slot, const struct bond_address **ret_remotes)
{
	const struct resolve *receiver = receiver_of(slot);

	return receiver ? resolve_addresses(receiver, ret_remotes) : 0;
}

void slot_tell_bond(struct slot *slot)
{
	struct bond_path_config config;

	if (slot->uplink.path_id < 0)
		return;
	slot_path_config(slot, &config);
	(void)bond_path_set(slot->common->bond, (unsigned)slot->uplink.path_id, &config,
			    pump_time(slot->common->pump, USEC_NEVER));
}

/* Takes over what its rule and its interface ask for when that is something else than before. */
static void slot_apply(struct slot *slot)
{
	struct uplink *uplink = &slot->uplink;
	const struct inventory_item *item = uplink->item.index ? &uplink->item : NULL;
	enum bond_cost cost = rule_cost(slot->rule, item);
	uint64_t rate_max_bps = slot->rule ? slot->rule->rate_max_bps : 0;

	uplink_set_dscp(uplink, rule_dscp(slot->rule, item));
	if (slot->configured && slot->cost == cost && slot->rate_max_bps == rate_max_bps)
		return;
	slot->configured = true;
	slot->cost = uplink->cost = cost;
	slot->rate_max_bps = uplink->rate_max_bps = rate_max_bps;
	slot_tell_bond(slot);
}

/* Finds the interface that it is on, or would be on. */
void slot_describe(struct slot *slot)
{
	const struct slot_common *common = slot->common;
	const struct iftable *table = ifwatch_table(common->ifwatch);
	const struct iftable_interface *interface =
		slot->uplink.device[0] ? iftable_find(table, slot->uplink.device)
				       : iftable_owner(table, &slot->uplink.asked);
	const struct inventory_item *item =
		interface ? inventory_find(common->inventory, interface->index) : NULL;

	slot->uplink.item = item ? *item : (struct inventory_item){ 0 };
	slot_apply(slot);
}

/* It is in use and answers, although the name does not stand for it any more: what runs is not
 * moved because the name service says something else. */
static bool keeps_address(const struct slot *slot, const struct resolve *to)
{
	const struct uplink *uplink = &slot->uplink;
	struct bond_stats stats;

	if (slot->moving || uplink->fd < 0 || uplink->path_id < 0 ||
	    resolve_has(to, &uplink->remote))
		return false;
	bond_stats(slot->common->bond, &stats, pump_time(slot->common->pump, USEC_NEVER));
	return (unsigned)uplink->path_id < stats.paths &&
	       stats.path[uplink->path_id].state == BOND_PATH_UP;
}

void slot_update(struct slot *slot)
{
	const struct slot_common *common = slot->common;
	const struct bond_address *remotes = NULL;
	const struct resolve *to = receiver_of(slot);
	unsigned count = slot_remotes(slot, &remotes);
	struct bond_address present = slot->uplink.remote;

	if (count && keeps_address(slot, to)) {
		remotes = &present;
		count = 1;
	}
	slot->moving = false;
	slot_describe(slot);
	switch (uplink_update(&slot->uplink, ifwatch_table(common->ifwatch), remotes, count)) {
	case UPLINK_SAME:
		break;
	case UPLINK_CLOSED:
		slot_leave_bond(slot);
		break;
	case UPLINK_OPENED:
		slot_leave_bond(slot);
		slot_join_bond(slot);
		break;
	}
	if (slot->uplink.service != UPLINK_DRAINED && !count && to && resolve_problem(to)[0])
		(void)snprintf(slot->uplink.problem, sizeof(slot->uplink.problem), "%.150s",
			       resolve_problem(to));
	if (slot->uplink.fd < 0 && strcmp(slot->told, slot->uplink.problem)) {
		slot_log(common, LOG_LEVEL_WARNING, "uplink %s: %s", slot->uplink.name,
			 slot->uplink.problem);
		memcpy(slot->told, slot->uplink.problem, sizeof(slot->told));
	} else if (slot->uplink.fd >= 0) {
		slot->told[0] = '\0';
	}
}

void slot_clear(struct slot *slot)
{
	slot_leave_bond(slot);
	slot->to = resolve_free(slot->to);
	uplink_deinit(&slot->uplink);
	*slot = (struct slot){ 0 };
}

void slot_tick(struct slot *slot, const struct bond_stats *stats, usec_t now)
{
	const struct bond_address *remotes = NULL;
	unsigned count = slot_remotes(slot, &remotes);
	const struct bond_path_stats *path;

	if (slot->uplink.fd < 0 || slot->uplink.path_id < 0)
		return;
	path = &stats->path[slot->uplink.path_id];
	uplink_tick(&slot->uplink, path, remotes, count, now);
	if (path->loss_ppm > LOSS_PPM_MAX && path->lost_packets > LOSS_COUNT_MIN)
		slot_allow_fragments(slot, 0, "most of what it carries is lost");
}

void slot_flush(struct slot *slot)
{
	enum udp_outcome outcome;
	int error = 0;

	if (!slot->dirty)
		return;
	slot->dirty = false;
	outcome = udp_flush(slot->uplink.sender, slot->uplink.fd, &error);
	if (outcome != UDP_OUTCOME_OK)
		slot_failed(slot, outcome, error);
}

void slot_asked(struct slot *slot, const struct bond_datagram *hello)
{
	struct bond_address others[RECEIVERS_MAX];
	struct resolve *to = receiver_of(slot);
	unsigned count = 0;

	if (to)
		resolve_doubt(to); /* perhaps it has moved */
	if (!slot->to)
		count = receivers_asked(slot->common->receivers, address_family(&hello->to),
					others);
	for (unsigned i = 0; i < count; i++)
		(void)udp_send(slot->uplink.sender, slot->uplink.fd, &others[i], NULL, hello->data,
			       hello->len);
}
