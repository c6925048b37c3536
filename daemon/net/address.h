#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bond/bond.h"

/*
 * Internet addresses with their port as struct bond_address: the bytes of a sockaddr_in or
 * sockaddr_in6, zero where a field is not used, so that equal addresses are equal bytes.
 */
#define ADDRESS_TEXT_MAX 64

struct bond_address address_of(const struct sockaddr *sockaddr);
socklen_t address_sockaddr(const struct bond_address *address, struct sockaddr_storage *ret);
int address_family(const struct bond_address *address); /* AF_UNSPEC when empty */
uint16_t address_port(const struct bond_address *address);
void address_set_port(struct bond_address *address, uint16_t port);
bool address_equal(const struct bond_address *a, const struct bond_address *b);
bool address_is_loopback(const struct bond_address *address);
/* "192.0.2.1:7000", "[2001:db8::1]:7000". */
const char *address_text(const struct bond_address *address, char text[static ADDRESS_TEXT_MAX]);
/* A numeric "ADDRESS", "ADDRESS:PORT", "[ADDRESS]:PORT" or ":PORT" (any IPv4 address); a missing
 * port is 0. 0, or -EINVAL. */
int address_parse(const char *text, struct bond_address *ret_address);
/* Splits "HOST:PORT" or "[HOST]:PORT". 0, or -EINVAL. */
int address_split(const char *text, char *host, size_t size, uint16_t *ret_port);
