#pragma once

#include "config.h"
#include "ctl/stats.h"
#include "journal.h"
#include "net/feed.h"

/*
 * Where the sender's stream comes from: UDP and pipes are read here, SRT and RTMP by a worker that
 * waits for the encoder's call.
 */
struct input;

/* @on_end: standard input has ended. NULL: out of memory. */
struct input *input_new(struct loop *loop, const struct config *config, struct feeds *stream,
			struct journal *journal, void (*on_end)(void *owner), void *owner);
struct input *input_free(struct input *input);

/* Takes nothing new; what a worker has is finished. */
void input_stop(struct input *input);
bool input_is_stopped(const struct input *input);

void input_tick(struct input *input);
/* Something came in within the last seconds. */
bool input_is_live(const struct input *input);
void input_stats(const struct input *input, struct stats *stats);
