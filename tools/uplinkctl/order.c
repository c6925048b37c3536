#include "order.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "client.h"

/* The reply to @request, which is consumed; NULL: told. */
static json_t *ask(const char *socket, json_t *request)
{
	struct client *client = client_open(socket);
	json_t *reply = NULL;

	if (!client)
		json_decref(request);
	else if (client_request(client, request))
		reply = client_reply(client);
	client_close(client);
	return reply;
}

static const char *text(const json_t *reply, const char *key)
{
	const char *value = json_string_value(json_object_get(reply, key));

	return value ? value : "";
}

int order_policy(const char *socket, const char *policy)
{
	json_t *reply =
		ask(socket, policy ? json_pack("{s:s, s:s}", "command", "policy", "policy", policy)
				   : json_pack("{s:s}", "command", "policy"));

	if (!reply)
		return EX_UNAVAILABLE;
	(void)printf("policy %s\n", text(reply, "policy"));
	json_decref(reply);
	return EX_OK;
}

int order_uplink(const char *socket, const char *name, const char *action, const char *value)
{
	json_t *reply = ask(socket, json_pack("{s:s, s:s, s:s, s:s}", "command", "uplink", "name",
					      name, "action", action, "value", value ? value : ""));

	if (!reply)
		return EX_UNAVAILABLE;
	if (*text(reply, "warning"))
		(void)fprintf(stderr, "uplinkctl: %s\n", text(reply, "warning"));
	(void)printf("uplink %s: %s%s%s; %s now\n", text(reply, "name"), action, value ? " " : "",
		     value ? value : "", text(reply, "service"));
	json_decref(reply);
	return EX_OK;
}
