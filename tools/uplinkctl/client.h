#pragma once

#include <jansson.h>
#include <stdbool.h>

/*
 * A connection to the control socket of a running uplinkd. What goes wrong is told on standard
 * error here, once, with what to do about it.
 */
struct client;

/* @socket: a path, "send" or "receive", or NULL for the only one that runs. NULL: told. */
struct client *client_open(const char *socket);
struct client *client_close(struct client *client);
int client_fd(const struct client *client);
/* Sends a command; @interval_ms is left out when 0. */
bool client_ask(struct client *client, const char *command, int interval_ms);
/* Sends a request, which is consumed. */
bool client_request(struct client *client, json_t *request);
/* The next reply, which the caller owns, with "ok": true; NULL: told. Waits for 10 seconds at
 * most. */
json_t *client_reply(struct client *client);
/* True when a whole reply is there already. */
bool client_has_reply(const struct client *client);
