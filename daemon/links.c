#include "links.h"

#include <arpa/inet.h>

static json_t *addresses_json(const struct iftable_interface *interface)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < interface->addresses; i++) {
		const struct iftable_prefix *prefix = &interface->address[i];
		char host[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 8];

		(void)inet_ntop(prefix->family, prefix->bytes, host, sizeof(host));
		(void)snprintf(text, sizeof(text), "%s/%u", host, prefix->length);
		(void)json_array_append_new(array, json_string(text));
	}
	return array;
}

static const char *default_route(const struct iftable_interface *interface)
{
	bool ipv4 = iftable_has_default(interface, AF_INET),
	     ipv6 = iftable_has_default(interface, AF_INET6);

	return ipv4 && ipv6 ? "both" : ipv4 ? "ipv4" : ipv6 ? "ipv6" : "none";
}

static json_t *link_json(const struct uplinks_interface *link)
{
	const struct iftable_interface *interface = link->interface;
	const struct inventory_item *item = link->item;

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:s, s:s, s:b, s:s}", "name", interface->name,
		"type", item ? classify_type_text(item->classify.type) : "unknown", "kind",
		interface->kind, "path", item ? item->classify.path : "", "up", interface->up,
		"carrier", interface->carrier, "addresses", addresses_json(interface),
		"default_route", default_route(interface), "uplink", link->uplink, "used",
		link->uplink[0] && !link->reason[0], "reason", link->reason);
}

static json_t *on_links(void *owner, json_t *request, const char **ret_why)
{
	const struct uplinks *uplinks = owner;
	json_t *array = json_array();
	struct uplinks_interface link;

	(void)request;
	(void)ret_why;
	for (unsigned i = 0; uplinks_interface(uplinks, i, &link); i++)
		(void)json_array_append_new(array, link_json(&link));
	return json_pack("{s:o}", "links", array);
}

void links_listen(struct uplinks *uplinks, struct control *control)
{
	(void)control_command_add(control, "links", on_links, uplinks);
}
