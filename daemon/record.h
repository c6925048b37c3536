#pragma once

#include "config.h"
#include "job.h"

/* The recording of what comes out of @stream, as configured. NULL: none is asked for, or out of
 * memory (logged). */
struct job *record_new(struct loop *loop, const struct config_record *config, struct feeds *stream,
		       struct journal *journal);
