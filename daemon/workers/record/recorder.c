#include "workers/record/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "sys/log.h"
#include "workers/record/cut.h"
#include "workers/record/index.h"
#include "workers/record/recovery.h"

/*
 * One rule for everything that can go wrong with a disk (full, below the floor, read-only, gone,
 * broken, not there yet): raise the alarm, finish what can be finished, leave the data in the
 * queue, and try again every few seconds with a new segment. What the disk misses for less time
 * than the queue holds is not lost; beyond that the reading side drops and counts.
 *
 * Data written is lost in a power failure until the disk has confirmed it. Blocks come at most
 * 100 ms old and are confirmed every SYNC_USEC, which together stays below the second that the
 * design allows as long as the disk answers within 150 ms.
 */
#define SYNC_USEC  (750 * USEC_PER_MS)
#define RETRY_USEC (2 * USEC_PER_SEC)
/* How long after its time a segment waits for a good place to be cut: at a key picture, then at
 * any table, then anywhere. */
#define WAIT_KEYFRAME_USEC (5 * USEC_PER_SEC)
#define WAIT_TABLE_USEC	   (10 * USEC_PER_SEC)
#define PENDING_MAX	   64 /* finished segments that wait for the index */

struct recorder {
	struct recorder_config config;
	struct queue *queue;
	struct supervisor *supervisor;
	struct recorder_stats stats;
	pthread_t thread;
	int directory; /* -1: not open */
	struct recovery *recovery;
	bool prepared; /* the directory was fine once, the remains of earlier runs are looked at */
	struct segment segment;
	usec_t segment_began; /* by arrival */
	usec_t synced;
	bool dirty;
	struct segment_entry pending[PENDING_MAX];
	size_t pending_count;
};

static uint64_t unix_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static void failure(struct recorder *recorder, const char *what, int error)
{
	atomic_store(&recorder->stats.failing, true);
	supervisor_alarm(recorder->supervisor, "record",
			 "not recording: %s %s: %s; trying again every %d s", what,
			 recorder->config.directory, strerror(-error),
			 (int)(RETRY_USEC / USEC_PER_SEC));
	supervisor_state(recorder->supervisor, "failed", "", "%s %s: %s", what,
			 recorder->config.directory, strerror(-error));
}

static void success(struct recorder *recorder)
{
	if (!atomic_exchange(&recorder->stats.failing, false))
		return;
	supervisor_alarm_clear(recorder->supervisor, "record", "recording again");
}

/* --- finishing a segment -----------------------------------------------------------------------
 */

static void pending_flush(struct recorder *recorder)
{
	size_t done = 0;

	while (done < recorder->pending_count &&
	       !index_append(recorder->directory, recorder->config.prefix,
			     &recorder->pending[done]))
		done++;
	recorder->pending_count -= done;
	memmove(recorder->pending, recorder->pending + done,
		recorder->pending_count * sizeof(recorder->pending[0]));
}

/* The index waits for a disk that has no room for its line; what it misses in the end, the next
 * start finds. */
static void entry_tell(struct recorder *recorder, const struct segment_entry *entry)
{
	json_t *line = index_line(entry);

	if (line)
		(void)json_object_set_new(line, "event", json_string("segment"));
	supervisor_send(recorder->supervisor, line);
	if (recorder->pending_count < PENDING_MAX)
		recorder->pending[recorder->pending_count++] = *entry;
	pending_flush(recorder);
}

static int segment_finish(struct recorder *recorder)
{
	struct segment_entry entry;
	int r;

	if (recorder->segment.fd < 0)
		return 0;
	r = segment_close(&recorder->segment, unix_now(), &entry);
	recorder->dirty = false;
	if (!r) {
		atomic_fetch_add(&recorder->stats.segments, 1);
		entry_tell(recorder, &entry);
	}
	return r < 0 ? r : 0;
}

/* --- beginning one -------------------------------------------------------------------------------
 */

static int directory_open(struct recorder *recorder)
{
	struct stat then, now;

	/* A disk that was mounted meanwhile, or a directory that was replaced, has another inode.
	 */
	if (recorder->directory >= 0 && !fstat(recorder->directory, &then) &&
	    !stat(recorder->config.directory, &now) && then.st_ino == now.st_ino &&
	    then.st_dev == now.st_dev)
		return 0;
	recorder->recovery = recovery_free(recorder->recovery);
	if (recorder->directory >= 0)
		(void)close(recorder->directory);
	recorder->prepared = false;
	(void)mkdir(recorder->config.directory, 0750);
	recorder->directory = open(recorder->config.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return recorder->directory < 0 ? -errno : 0;
}

/* 0, or -ENOSPC below the floor. @margin: for a beginning, so that it is not the end at once. */
static int space_check(struct recorder *recorder, bool margin)
{
	uint64_t floor = recorder->config.free_min_bytes;
	uint64_t available;
	struct statvfs st;

	if (fstatvfs(recorder->directory, &st))
		return -errno;
	if (st.f_flag & ST_RDONLY)
		return -EROFS;
	available = (uint64_t)st.f_bavail * st.f_frsize;
	atomic_store(&recorder->stats.free_bytes, available);
	if (margin)
		floor += usec_clamp(floor / 64, 1 << 20, 1 << 26);
	return available < floor ? -ENOSPC : 0;
}

/* Before the first byte, so that a disk that will not do is known before it is needed. */
static int prepare(struct recorder *recorder)
{
	const char *what = "cannot open";
	int r = directory_open(recorder);

	if (!r) {
		what = "too little space in";
		r = space_check(recorder, true);
	}
	if (r) {
		failure(recorder, r == -EROFS ? "cannot write to" : what, r);
		return r;
	}
	if (recorder->prepared)
		return 0;
	recorder->recovery =
		recovery_new(recorder->directory, recorder->config.prefix, recorder->supervisor);
	recorder->prepared = true;
	success(recorder);
	supervisor_state(recorder->supervisor, "connected", "", "ready to record into %s",
			 recorder->config.directory);
	return 0;
}

static int segment_begin(struct recorder *recorder, const struct block *block)
{
	int r = prepare(recorder);

	if (r)
		return r;
	r = segment_open(&recorder->segment, recorder->directory, recorder->config.prefix,
			 block->unix_usec);
	if (r) {
		failure(recorder, "cannot create a file in", r);
		return r;
	}
	pending_flush(recorder);
	recorder->segment_began = block->at;
	recorder->synced = supervisor_clock();
	supervisor_state(recorder->supervisor, "streaming", "", "recording into %s",
			 recorder->config.directory);
	return 0;
}

/* --- writing -----------------------------------------------------------------------------------
 */

/* Where in @data the segment has to end; @len: not there. */
static size_t segment_end(const struct recorder *recorder, const struct block *block)
{
	const uint8_t *data = block->data + block->taken;
	size_t len = block->len - block->taken;
	usec_t age = usec_since(recorder->segment_began, block->at);
	usec_t over = usec_since(recorder->config.segment_usec, age);

	if (age < recorder->config.segment_usec || !recorder->segment.bytes)
		return len;
	return cut_find(data, len,
			over < WAIT_KEYFRAME_USEC ? CUT_RULE_KEYFRAME
			: over < WAIT_TABLE_USEC  ? CUT_RULE_TABLE
						  : CUT_RULE_ANY);
}

static int block_write_some(struct recorder *recorder, struct block *block, size_t len)
{
	size_t taken;
	int r = segment_append(&recorder->segment, block->data + block->taken, len, &taken);

	block->taken += taken;
	recorder->dirty |= taken > 0;
	atomic_fetch_add(&recorder->stats.bytes, taken);
	if (r) {
		(void)segment_finish(recorder);
		failure(recorder, "cannot write to", r);
	} else {
		success(recorder);
	}
	return r;
}

/* 0: the block is dealt with; else it stays, for the next try. */
static int block_write(struct recorder *recorder, struct block *block)
{
	int r = 0;

	while (!r && block->taken < block->len) {
		size_t end;

		if (recorder->segment.fd < 0)
			r = segment_begin(recorder, block);
		if (r)
			break;
		end = segment_end(recorder, block);
		if (end)
			r = block_write_some(recorder, block, end);
		if (!r && block->taken < block->len) {
			r = segment_finish(recorder);
			if (r)
				failure(recorder, "cannot finish a file in", r);
		}
	}
	return r;
}

static int segment_keep(struct recorder *recorder)
{
	usec_t begin = supervisor_clock();
	const char *what = "cannot write to";
	usec_t end;
	int r = segment_sync(&recorder->segment);

	end = supervisor_clock();
	recorder->synced = begin;
	recorder->dirty = false;
	if (end - begin > atomic_load(&recorder->stats.sync_usec_max))
		atomic_store(&recorder->stats.sync_usec_max, end - begin);
	if (!r) {
		what = "too little space in";
		r = space_check(recorder, false);
	}
	if (r) {
		(void)segment_finish(recorder);
		failure(recorder, what, r);
	}
	return r;
}

/* One last try for what is left at the end, then it is counted and told. */
static void leftover_discard(struct recorder *recorder)
{
	uint64_t bytes = 0;
	struct block *block;
	bool closed;

	while ((block = queue_peek(recorder->queue, 0, &closed))) {
		bytes += block->len - block->taken;
		queue_drop_head(recorder->queue);
	}
	atomic_fetch_add(&recorder->stats.discarded_bytes, bytes);
	if (bytes)
		log_err("stopped while %s could not be written: %llu bytes are lost",
			recorder->config.directory, (unsigned long long)bytes);
}

static void *record(void *data)
{
	struct recorder *recorder = data;
	bool closed = false, last_try = false;

	for (;;) {
		usec_t deadline = recorder->dirty ? recorder->synced + SYNC_USEC : USEC_NEVER;
		struct block *block = NULL;
		int r = recorder->prepared ? 0 : prepare(recorder);

		if (!r)
			block = queue_peek(recorder->queue, deadline, &closed);
		if (!r && !block && closed)
			break;
		if (block)
			r = block_write(recorder, block);
		if (!r && block)
			queue_drop_head(recorder->queue);
		if (!r && recorder->dirty && supervisor_clock() >= recorder->synced + SYNC_USEC)
			r = segment_keep(recorder);
		if (r && last_try)
			break;
		if (r)
			last_try =
				queue_wait_closed(recorder->queue, supervisor_clock() + RETRY_USEC);
	}
	leftover_discard(recorder);
	if (segment_finish(recorder))
		log_err("the last segment in %s could not be finished; the next start will",
			recorder->config.directory);
	recorder->recovery = recovery_free(recorder->recovery);
	if (recorder->directory >= 0)
		(void)close(recorder->directory);
	return NULL;
}

struct recorder *recorder_new(const struct recorder_config *config, struct queue *queue,
			      struct supervisor *supervisor)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return NULL;
	recorder->config = *config;
	recorder->queue = queue;
	recorder->supervisor = supervisor;
	recorder->directory = -1;
	segment_init(&recorder->segment);
	if (!pthread_create(&recorder->thread, NULL, record, recorder))
		return recorder;
	free(recorder);
	return NULL;
}

struct recorder_stats *recorder_stats(struct recorder *recorder)
{
	return &recorder->stats;
}

void recorder_finish(struct recorder *recorder)
{
	(void)pthread_join(recorder->thread, NULL);
}

struct recorder *recorder_free(struct recorder *recorder)
{
	free(recorder);
	return NULL;
}
