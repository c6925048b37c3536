#include "snapshot.h"

#include <stdio.h>
#include <string.h>

#include "net/address.h"
#include "sys/log.h"
#include "sys/messages.h"

void snapshot_uplink(struct stats *stats, const struct uplink *uplink)
{
	struct stats_uplink *place;
	char text[ADDRESS_TEXT_MAX];

	if (!uplink || stats->uplinks == BOND_PATHS_MAX)
		return;
	place = &stats->uplink[stats->uplinks++];
	*place = (struct stats_uplink){ 0 };
	(void)snprintf(place->device, sizeof(place->device), "%s",
		       uplink->on_device[0] ? uplink->on_device : uplink->device);
	(void)snprintf(place->type, sizeof(place->type), "%s",
		       classify_type_text(uplink->item.classify.type));
	memcpy(place->bus_path, uplink->item.classify.path, sizeof(place->bus_path));
	memcpy(place->driver, uplink->item.classify.driver, sizeof(place->driver));
	memcpy(place->model, uplink->item.classify.model, sizeof(place->model));
	memcpy(place->ssid, uplink->item.ssid, sizeof(place->ssid));
	memcpy(place->problem, uplink->problem, sizeof(place->problem));
	if (uplink->fd >= 0) {
		memcpy(place->local, address_text(&uplink->local, text), sizeof(place->local));
		memcpy(place->remote, address_text(&uplink->remote, text), sizeof(place->remote));
	}
	if (uplink->path_id >= 0 && (unsigned)uplink->path_id < stats->bond.paths)
		place->path = stats->bond.path[uplink->path_id];
	memcpy(place->path.name, uplink->name, sizeof(place->path.name));
	memcpy(place->notice, uplink->notice, sizeof(place->notice));
	(void)snprintf(place->service, sizeof(place->service), "%s",
		       uplink_service_text(uplink->service));
	place->path.cost = uplink->cost;
	place->path.rate_max_bps = uplink->rate_max_bps;
}

void snapshot_interfaces(struct stats *stats, const struct uplinks *uplinks)
{
	struct uplinks_interface interface;

	for (unsigned i = 0; uplinks_interface(uplinks, i, &interface); i++) {
		struct stats_interface *place;

		if (!interface.item || stats->interfaces == STATS_INTERFACES_MAX)
			continue;
		place = &stats->interface[stats->interfaces++];
		*place = (struct stats_interface){ 0 };
		memcpy(place->device, interface.item->device, sizeof(interface.item->device));
		(void)snprintf(place->type, sizeof(place->type), "%s",
			       classify_type_text(interface.item->classify.type));
		memcpy(place->bus_path, interface.item->classify.path, sizeof(place->bus_path));
		memcpy(place->driver, interface.item->classify.driver, sizeof(place->driver));
		memcpy(place->model, interface.item->classify.model, sizeof(place->model));
		memcpy(place->ssid, interface.item->ssid, sizeof(place->ssid));
		(void)snprintf(place->uplink, sizeof(place->uplink), "%s", interface.uplink);
		memcpy(place->reason, interface.reason, sizeof(place->reason));
	}
}

void snapshot_paths(struct stats *stats, const struct bond_address *local)
{
	char text[ADDRESS_TEXT_MAX];

	for (unsigned i = 0; i < stats->bond.paths && stats->uplinks < BOND_PATHS_MAX; i++) {
		const struct bond_path_stats *path = &stats->bond.path[i];
		struct stats_uplink *place;

		if (path->state == BOND_PATH_OFF)
			continue;
		place = &stats->uplink[stats->uplinks++];
		*place = (struct stats_uplink){ .path = *path };
		if (!path->name[0])
			(void)snprintf(place->path.name, sizeof(place->path.name), "%s",
				       address_text(&path->remote, text));
		memcpy(place->type, "unknown", sizeof("unknown"));
		memcpy(place->service, "serving", sizeof("serving"));
		memcpy(place->local, address_text(local, text), sizeof(place->local));
		memcpy(place->remote, address_text(&path->remote, text), sizeof(place->remote));
	}
}

void snapshot_shares(struct stats *stats)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < stats->uplinks; i++)
		sum += stats->uplink[i].path.tx_bps + stats->uplink[i].path.rx_bps;
	for (unsigned i = 0; i < stats->uplinks && sum; i++) {
		const struct bond_path_stats *path = &stats->uplink[i].path;

		stats->uplink[i].share_permille =
			(unsigned)((path->tx_bps + path->rx_bps) * 1000 / sum);
	}
}

void snapshot_job(struct stats *stats, const struct job *job)
{
	struct stats_job *place = job_stats_place(stats);

	if (place)
		job_stats(job, place);
}

void snapshot_stream(struct stats *stats, bool input_is_live)
{
	bool weak = false;

	for (unsigned i = 0; i < stats->uplinks; i++)
		weak |= stats->uplink[i].problem[0] ||
			(stats->uplink[i].path.state != BOND_PATH_UP &&
			 stats->uplink[i].path.state != BOND_PATH_OFF);
	(void)snprintf(stats->stream, sizeof(stats->stream), "%s",
		       !stats->bond.session_up ? "offline"
		       : !input_is_live	       ? "waiting for input"
		       : weak		       ? "degraded"
					       : "live");
}

void snapshot_tell_path(struct journal *journal, struct bond *bond, const struct bond_event *event,
			usec_t now)
{
	enum log_level level = event->to == BOND_PATH_SUSPECT || event->to == BOND_PATH_DEAD
				       ? LOG_LEVEL_WARNING
				       : LOG_LEVEL_INFO;
	char address[ADDRESS_TEXT_MAX];
	struct bond_stats stats;
	const char *name;

	bond_stats(bond, &stats, now);
	if (event->path_id >= stats.paths)
		return;
	/* A receiver does not know how the sender calls its uplinks. */
	name = stats.path[event->path_id].name;
	if (!name[0])
		name = address_text(&stats.path[event->path_id].remote, address);
	journal_add(journal, level, MESSAGE_UPLINK_STATE, "uplink %s: %s, was %s: %s", name,
		    bond_path_state_text(event->to), bond_path_state_text(event->from),
		    bond_reason_text(event->reason));
}
