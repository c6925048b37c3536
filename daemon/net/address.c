#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bond_address address_of(const struct sockaddr *sockaddr)
{
	struct bond_address address = { 0 };

	/* Built field by field: padding and sin6_flowinfo would make equal addresses differ. */
	if (sockaddr->sa_family == AF_INET) {
		struct sockaddr_in from, in = { .sin_family = AF_INET };

		memcpy(&from, sockaddr, sizeof(from));
		in.sin_port = from.sin_port;
		in.sin_addr = from.sin_addr;
		address.len = sizeof(in);
		memcpy(address.bytes, &in, sizeof(in));
	} else if (sockaddr->sa_family == AF_INET6) {
		struct sockaddr_in6 from, in6 = { .sin6_family = AF_INET6 };

		memcpy(&from, sockaddr, sizeof(from));
		in6.sin6_port = from.sin6_port;
		in6.sin6_addr = from.sin6_addr;
		in6.sin6_scope_id = from.sin6_scope_id;
		address.len = sizeof(in6);
		memcpy(address.bytes, &in6, sizeof(in6));
	}
	return address;
}

socklen_t address_sockaddr(const struct bond_address *address, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, address->bytes, address->len);
	return address->len;
}

int address_family(const struct bond_address *address)
{
	sa_family_t family;

	if (!address->len)
		return AF_UNSPEC;
	memcpy(&family, address->bytes, sizeof(family));
	return family;
}

/* sin_port and sin6_port are in the same place. */
#define PORT_OFFSET offsetof(struct sockaddr_in, sin_port)
_Static_assert(PORT_OFFSET == offsetof(struct sockaddr_in6, sin6_port), "ports differ");
_Static_assert(sizeof(struct sockaddr_in6) <= sizeof(((struct bond_address *)0)->bytes),
	       "too long");

uint16_t address_port(const struct bond_address *address)
{
	uint16_t port = 0;

	if (address->len)
		memcpy(&port, address->bytes + PORT_OFFSET, sizeof(port));
	return ntohs(port);
}

void address_set_port(struct bond_address *address, uint16_t port)
{
	port = htons(port);
	if (address->len)
		memcpy(address->bytes + PORT_OFFSET, &port, sizeof(port));
}

bool address_equal(const struct bond_address *a, const struct bond_address *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

bool address_is_loopback(const struct bond_address *address)
{
	struct sockaddr_storage storage;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	(void)address_sockaddr(address, &storage);
	memcpy(&in, &storage, sizeof(in));
	memcpy(&in6, &storage, sizeof(in6));
	switch (address_family(address)) {
	case AF_INET:
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

const char *address_text(const struct bond_address *address, char text[static ADDRESS_TEXT_MAX])
{
	struct sockaddr_storage storage;
	char host[INET6_ADDRSTRLEN] = "", scope[IF_NAMESIZE + 1] = "";
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	(void)address_sockaddr(address, &storage);
	memcpy(&in, &storage, sizeof(in));
	memcpy(&in6, &storage, sizeof(in6));
	switch (address_family(address)) {
	case AF_INET:
		(void)inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
		(void)snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", host, ntohs(in.sin_port));
		return text;
	case AF_INET6:
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
		scope[0] = '%';
		if (!in6.sin6_scope_id || !if_indextoname(in6.sin6_scope_id, scope + 1))
			scope[0] = '\0';
		(void)snprintf(text, ADDRESS_TEXT_MAX, "[%s%s]:%u", host, scope,
			       ntohs(in6.sin6_port));
		return text;
	}
	text[0] = '\0';
	return text;
}

int address_split(const char *text, char *host, size_t size, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	size_t len;
	char *end;
	unsigned long port;

	if (!colon || !colon[1])
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port < 1 || port > UINT16_MAX)
		return -EINVAL;
	len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL;
	}
	if (len >= size)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	*ret_port = (uint16_t)port;
	return 0;
}

int address_parse(const char *text, struct bond_address *ret_address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	uint16_t port = 0;
	char *scope;

	if (address_split(text, host, sizeof(host), &port)) {
		port = 0;
		if (strlen(text) >= sizeof(host))
			return -EINVAL;
		strcpy(host, text);
	}
	scope = strchr(host, '%');
	if (scope) {
		*scope = '\0';
		in6.sin6_scope_id = if_nametoindex(scope + 1);
	}
	in.sin_port = in6.sin6_port = htons(port);
	if ((!host[0] && port) || inet_pton(AF_INET, host, &in.sin_addr) == 1)
		*ret_address = address_of((const struct sockaddr *)&in);
	else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
		*ret_address = address_of((const struct sockaddr *)&in6);
	else
		return -EINVAL;
	return 0;
}
