#pragma once

#include "config.h"
#include "ctl/stats.h"
#include "journal.h"
#include "net/feed.h"

/*
 * What the bond's advice drives: our own encoder between the input and the transport, a command of
 * the user's, or nothing.
 */
struct encoder;

/* NULL: out of memory. */
struct encoder *encoder_new(struct loop *loop, const struct config *config, struct feeds *stream,
			    struct journal *journal);
struct encoder *encoder_free(struct encoder *encoder);
/* What is to be sent: the encoder's output, or the stream itself. */
struct feeds *encoder_stream(struct encoder *encoder);

/* The bitrate to be used now. */
void encoder_advise(struct encoder *encoder, uint64_t bps, const char *reason);

void encoder_stop(struct encoder *encoder);
bool encoder_is_stopped(const struct encoder *encoder);
void encoder_tick(struct encoder *encoder);
void encoder_stats(const struct encoder *encoder, struct stats *stats);
