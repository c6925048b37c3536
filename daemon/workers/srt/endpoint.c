#include "workers/srt/endpoint.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool port_is_valid(const char *text, bool listens)
{
	size_t length = strlen(text);
	long port = strtol(text, NULL, 10);

	return length && length <= 5 && strspn(text, "0123456789") == length && port <= 65535 &&
	       (port || listens);
}

bool endpoint_parse(const char *text, bool listens, struct endpoint *ret_endpoint)
{
	struct endpoint endpoint = { 0 };
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t length;

	if (!colon || strlen(text) >= sizeof(endpoint.text) || !port_is_valid(colon + 1, listens))
		return false;
	length = (size_t)(colon - text);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	} else if (memchr(host, ':', length)) {
		return false; /* an IPv6 address needs its brackets */
	}
	if (length >= sizeof(endpoint.host) || (!length && !listens))
		return false;
	memcpy(endpoint.host, host, length);
	memcpy(endpoint.port, colon + 1, strlen(colon + 1) + 1);
	memcpy(endpoint.text, text, strlen(text) + 1);
	*ret_endpoint = endpoint;
	return true;
}

int endpoint_resolve(const struct endpoint *endpoint, bool listens,
		     struct sockaddr_storage *ret_address, socklen_t *ret_length)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV | (listens ? AI_PASSIVE : 0),
	};
	/* Without a host: IPv4 alone, where every SRT peer can be expected. */
	const char *host = *endpoint->host ? endpoint->host : "0.0.0.0";
	struct addrinfo *found = NULL;
	int r = getaddrinfo(host, endpoint->port, &hints, &found);

	if (r)
		return r;
	memcpy(ret_address, found->ai_addr, found->ai_addrlen);
	*ret_length = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

void endpoint_format(const struct sockaddr *address, socklen_t length, char *text, size_t size)
{
	char host[64], port[8];

	if (getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		(void)snprintf(text, size, "?");
	else
		(void)snprintf(text, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}
