#include "workers/record/queue.h"

#include <stdlib.h>
#include <time.h>

void queue_init(struct queue *queue, uint64_t max_bytes)
{
	pthread_condattr_t attr;

	*queue = (struct queue){ .blocks_max = (size_t)(max_bytes / BLOCK_BYTES) };
	if (queue->blocks_max < 2)
		queue->blocks_max = 2;
	queue->tail = &queue->head;
	(void)pthread_mutex_init(&queue->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&queue->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
}

void queue_deinit(struct queue *queue)
{
	while (queue->head)
		queue_drop_head(queue);
	(void)pthread_cond_destroy(&queue->changed);
	(void)pthread_mutex_destroy(&queue->lock);
}

bool queue_put(struct queue *queue, struct block *block)
{
	bool fits;

	(void)pthread_mutex_lock(&queue->lock);
	fits = queue->blocks < queue->blocks_max;
	if (fits) {
		block->next = NULL;
		*queue->tail = block;
		queue->tail = &block->next;
		queue->blocks++;
		queue->bytes += block->len;
		(void)pthread_cond_signal(&queue->changed);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return fits;
}

void queue_close(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	(void)pthread_cond_signal(&queue->changed);
	(void)pthread_mutex_unlock(&queue->lock);
}

/* With the lock held; false: the deadline is over. */
static bool queue_wait(struct queue *queue, usec_t deadline)
{
	struct timespec at = {
		.tv_sec = (time_t)(deadline / USEC_PER_SEC),
		.tv_nsec = (long)(deadline % USEC_PER_SEC * 1000),
	};

	if (deadline == USEC_NEVER)
		return !pthread_cond_wait(&queue->changed, &queue->lock);
	return !pthread_cond_timedwait(&queue->changed, &queue->lock, &at);
}

struct block *queue_peek(struct queue *queue, usec_t deadline, bool *ret_closed)
{
	struct block *block;

	(void)pthread_mutex_lock(&queue->lock);
	while (!queue->head && !queue->closed && queue_wait(queue, deadline))
		;
	block = queue->head;
	*ret_closed = queue->closed;
	(void)pthread_mutex_unlock(&queue->lock);
	return block;
}

void queue_drop_head(struct queue *queue)
{
	struct block *block;

	(void)pthread_mutex_lock(&queue->lock);
	block = queue->head;
	queue->head = block->next;
	if (!queue->head)
		queue->tail = &queue->head;
	queue->blocks--;
	queue->bytes -= block->len;
	(void)pthread_mutex_unlock(&queue->lock);
	free(block);
}

bool queue_wait_closed(struct queue *queue, usec_t deadline)
{
	bool closed;

	(void)pthread_mutex_lock(&queue->lock);
	while (!queue->closed && queue_wait(queue, deadline))
		;
	closed = queue->closed;
	(void)pthread_mutex_unlock(&queue->lock);
	return closed;
}

void queue_state(struct queue *queue, struct queue_state *ret_state)
{
	(void)pthread_mutex_lock(&queue->lock);
	*ret_state = (struct queue_state){
		.bytes = queue->bytes,
		.blocks = queue->blocks,
		.oldest = queue->head ? queue->head->at : USEC_NEVER,
	};
	(void)pthread_mutex_unlock(&queue->lock);
}
