#pragma once

#include "config.h"
#include "ctl/stats.h"
#include "journal.h"
#include "net/feed.h"

/*
 * Where the receiver's stream goes: any number of outputs, each for itself. UDP and pipes are
 * served here, SRT and RTMP by a worker each.
 */
struct outputs;

/* NULL: out of memory. */
struct outputs *outputs_new(struct loop *loop, struct feeds *stream, struct journal *journal);
struct outputs *outputs_free(struct outputs *outputs);
/* Takes over the outputs of @config: one with the same name and settings goes on untouched. */
void outputs_set(struct outputs *outputs, const struct config *config);

/* A clean stop: each is given what waits for it, then its worker finishes. */
/* The highest bitrate of a picture that all outputs of @config take; 0: no limit. */
uint64_t outputs_video_max_bps(const struct config *config);
void outputs_stop(struct outputs *outputs);
bool outputs_are_stopped(const struct outputs *outputs);

void outputs_tick(struct outputs *outputs);
void outputs_stats(const struct outputs *outputs, struct stats *stats);
