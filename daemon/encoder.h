#pragma once

#include "config.h"
#include "ctl/stats.h"
#include "journal.h"
#include "net/feed.h"

/*
 * What the bond's advice drives: our own encoder between the input and the transport, a command of
 * the user's, the script inside OBS, or nothing.
 */
struct encoder;

/* @control: the path of the control socket, for who polls. NULL: out of memory. */
struct encoder *encoder_new(struct loop *loop, const struct config *config, const char *control,
			    struct feeds *stream, struct journal *journal);
struct encoder *encoder_free(struct encoder *encoder);
/* What is to be sent: the encoder's output, or the stream itself. */
struct feeds *encoder_stream(struct encoder *encoder);

/* The bitrates to be used now: of the whole stream, which our own encoder is told, and of the
 * picture alone, which others are. May be called as often as wanted: only changes are told. */
void encoder_advise(struct encoder *encoder, uint64_t bps, uint64_t picture_bps,
		    const char *reason);

/* The next picture should be a keyframe. Only our own encoder can be asked. */
void encoder_ask_key(struct encoder *encoder);

void encoder_stop(struct encoder *encoder);
bool encoder_is_stopped(const struct encoder *encoder);
void encoder_tick(struct encoder *encoder);
void encoder_stats(const struct encoder *encoder, struct stats *stats);
