#pragma once

#include <stdatomic.h>

#include "sys/supervisor.h"
#include "workers/record/queue.h"

/*
 * The writing side of uplinkd-record: a thread that turns queued blocks into segments, with all
 * the moods of a disk.
 */
struct recorder_config {
	const char *directory;
	const char *prefix;
	usec_t segment_usec;
	uint64_t free_min_bytes; /* below this much free space nothing is written */
};

struct recorder_stats {
	atomic_ullong bytes;	       /* written */
	atomic_ullong segments;	       /* finished */
	atomic_ullong discarded_bytes; /* queued, but the disk would not have them before the end */
	atomic_ullong free_bytes;      /* of the file system, when last looked */
	atomic_ullong sync_usec_max;   /* the longest wait for the disk in the last second or so */
	atomic_bool failing;	       /* between a failure and the next success */
};

struct recorder;

/* NULL: no resources. */
struct recorder *recorder_new(const struct recorder_config *config, struct queue *queue,
			      struct supervisor *supervisor);
struct recorder_stats *recorder_stats(struct recorder *recorder);
/* After queue_close(): waits until all is written, or given up. */
void recorder_finish(struct recorder *recorder);
struct recorder *recorder_free(struct recorder *recorder);
