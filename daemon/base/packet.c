#include "base/packet.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int packet_pool_init(struct packet_pool *pool, uint32_t size)
{
	*pool = (struct packet_pool){ .size = size };
	pool->slots = calloc(size, sizeof(*pool->slots));
	return pool->slots ? 0 : -ENOMEM;
}

void packet_pool_deinit(struct packet_pool *pool)
{
	free(pool->slots);
	*pool = (struct packet_pool){ 0 };
}

struct packet *packet_pool_get(struct packet_pool *pool)
{
	struct packet *packet = pool->free;

	if (packet)
		pool->free = packet->next;
	else if (pool->untouched < pool->size)
		packet = &pool->slots[pool->untouched++];
	if (!packet) {
		pool->exhausted++;
		return NULL;
	}
	packet->next = NULL;
	packet->len = 0;
	if (++pool->used > pool->used_max)
		pool->used_max = pool->used;
	return packet;
}

void packet_pool_put(struct packet_pool *pool, struct packet *packet)
{
	if (!packet)
		return;
	assert(packet >= pool->slots && packet < pool->slots + pool->size && pool->used);
	packet->next = pool->free;
	pool->free = packet;
	pool->used--;
}
