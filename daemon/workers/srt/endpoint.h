#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* HOST:PORT as people write it: "example.org:9000", "192.0.2.1:9000", "[2001:db8::1]:9000", and
 * for listeners ":9000" and port 0. */
#define ENDPOINT_TEXT_MAX 300

struct endpoint {
	char host[256]; /* "" = any address */
	char port[6];
	char text[ENDPOINT_TEXT_MAX]; /* as given */
};

/* False: not of that form, or (unless @listens) without host or with port 0. */
bool endpoint_parse(const char *text, bool listens, struct endpoint *ret_endpoint);
/* May wait for a name server. 0 or a getaddrinfo() error. */
int endpoint_resolve(const struct endpoint *endpoint, bool listens,
		     struct sockaddr_storage *ret_address, socklen_t *ret_length);
/* "ADDRESS:PORT". */
void endpoint_format(const struct sockaddr *address, socklen_t length, char *text, size_t size);
