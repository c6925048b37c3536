#include "sim/coder.h"

#include <stdlib.h>

/*
 * A round is `depth` blocks: packet i of a round (i < depth * data) belongs to block i % depth as
 * its i / depth th. At the end of a round come the extra packets of all its blocks, block by block
 * within each of the `extra`, so that they are interleaved as well.
 */

void coder_init(struct coder *coder, const struct coder_config *config)
{
	*coder = (struct coder){ .config = *config };
}

void coder_deinit(struct coder *coder)
{
	free(coder->block);
	coder->block = NULL;
}

unsigned coder_extra(const struct coder *coder, uint64_t number, uint64_t *ret_first)
{
	const struct coder_config *c = &coder->config;
	uint64_t round = c->data * c->depth;

	if (!c->data || (number + 1) % round)
		return 0;
	*ret_first = CODER_EXTRA_BIT | number / round * c->extra * c->depth;
	return c->extra * c->depth;
}

static struct coder_block *find(struct coder *coder, uint64_t block)
{
	if (block >= coder->blocks) {
		uint64_t blocks = block + 4096;
		struct coder_block *more = realloc(coder->block, blocks * sizeof(*more));

		if (!more)
			return NULL;
		for (uint64_t i = coder->blocks; i < blocks; i++)
			more[i] = (struct coder_block){ 0 };
		coder->block = more;
		coder->blocks = blocks;
	}
	return &coder->block[block];
}

static uint64_t source_number(const struct coder_config *c, uint64_t block, unsigned place)
{
	return block / c->depth * c->data * c->depth + place * c->depth + block % c->depth;
}

static unsigned count_bits(uint64_t word)
{
	return (unsigned)__builtin_popcountll(word);
}

unsigned coder_took(struct coder *coder, uint64_t number,
		    uint64_t ret_number[static CODER_BLOCK_MAX])
{
	const struct coder_config *c = &coder->config;
	bool is_extra = number & CODER_EXTRA_BIT;
	unsigned per_block = is_extra ? c->extra : c->data, count = 0;
	uint64_t round = (number & ~CODER_EXTRA_BIT) / (per_block * c->depth);
	uint64_t within = (number & ~CODER_EXTRA_BIT) % (per_block * c->depth);
	uint64_t block = round * c->depth + within % c->depth, bit;
	unsigned place = (unsigned)(within / c->depth);
	struct coder_block *b = find(coder, block);

	if (!b)
		return 0;
	if (is_extra && c->repeat)
		place = place * c->data / c->extra;
	else if (is_extra)
		place += c->data;
	bit = UINT64_C(1) << place;
	if (!(b->there & bit) && place < c->data && !b->solved)
		ret_number[count++] = source_number(c, block, place);
	b->there |= bit;
	if (b->solved || c->repeat || count_bits(b->there) < c->data)
		return count;
	b->solved = true;
	for (unsigned i = 0; i < c->data; i++)
		if (!(b->there & UINT64_C(1) << i))
			ret_number[count++] = source_number(c, block, i);
	return count;
}
