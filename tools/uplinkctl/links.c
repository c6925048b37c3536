#include "links.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "client.h"

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void show(const json_t *link, bool color)
{
	bool used = json_is_true(json_object_get(link, "used"));
	const char *state = used ? "used" : *text(link, "uplink") ? "waits" : "not used";
	json_t *address;
	size_t i;

	(void)printf("  %-15s  %-8s  ", text(link, "name"),
		     *text(link, "kind") ? text(link, "kind") : text(link, "type"));
	if (color)
		(void)printf("\033[%sm", used ? "32" : *text(link, "uplink") ? "33" : "2");
	(void)printf("%-8s", state);
	if (color)
		(void)fputs("\033[0m", stdout);
	json_array_foreach(json_object_get(link, "addresses"), i, address)
	{
		(void)printf("%s%s", i ? ", " : "  ", json_string_value(address));
	}
	(void)fputs(i ? "" : "  no address", stdout);
	if (strcmp(text(link, "default_route"), "none") != 0)
		(void)printf("; default route%s",
			     !strcmp(text(link, "default_route"), "ipv6") ? " (IPv6)" : "");
	(void)putchar('\n');
	if (*text(link, "uplink") && strcmp(text(link, "uplink"), text(link, "name")) != 0)
		(void)printf("                   as uplink %s\n", text(link, "uplink"));
	if (*text(link, "path"))
		(void)printf("                   at %s\n", text(link, "path"));
	if (*text(link, "reason"))
		(void)printf("                   %s\n", text(link, "reason"));
}

int links(const char *socket, bool json, bool color)
{
	struct client *client = client_open(socket);
	json_t *reply = NULL, *link;
	size_t i;

	if (client && client_ask(client, "links", 0))
		reply = client_reply(client);
	client_close(client);
	if (!reply)
		return EX_UNAVAILABLE;
	if (json) {
		(void)json_dumpf(json_object_get(reply, "links"), stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		(void)printf("  %-15s  %-8s  %-8s  %s\n", "INTERFACE", "TYPE", "STATE",
			     "ADDRESSES");
		json_array_foreach(json_object_get(reply, "links"), i, link)
		{
			show(link, color);
		}
	}
	json_decref(reply);
	return EX_OK;
}
