#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A pool of fixed-size packets, allocated once. packet_pool_get() on an empty pool returns NULL
 * and counts; nothing on the packet path allocates. The free list is last in, first out, so that
 * a bond which uses little of a large pool touches little memory.
 */
#define PACKET_SIZE 1472 /* the largest UDP payload of an Ethernet path over IPv4 */

struct packet {
	struct packet *next; /* free list, or for the owner's use */
	uint16_t len;
	uint8_t data[PACKET_SIZE];
};

struct packet_pool {
	struct packet *slots;
	struct packet *free;
	uint32_t untouched; /* slots from here on were never handed out */
	uint32_t size;
	uint32_t used;
	uint32_t used_max;
	uint64_t exhausted; /* how often there was none */
};

/* 0 or -ENOMEM. */
int packet_pool_init(struct packet_pool *pool, uint32_t size);
void packet_pool_deinit(struct packet_pool *pool);
struct packet *packet_pool_get(struct packet_pool *pool);
void packet_pool_put(struct packet_pool *pool, struct packet *packet);
