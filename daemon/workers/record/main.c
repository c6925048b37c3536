#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/supervisor.h"
#include "uplinkd/worker.h"
#include "workers/record/recorder.h"

/*
 * uplinkd-record: MPEG-TS from stdin to segments in a directory (design, section 8).
 *
 * This thread reads and never waits for a disk; the recorder's thread writes. Stats line:
 *   bytes          written to files
 *   dropped_bytes  lost because the disk was too slow or away for longer than the queue holds
 *   queued_bytes   waiting in memory
 *   segments       finished
 *   free_bytes     of the file system, when last looked
 *   sync_usec_max  the longest wait for the disk since the last line
 * Alarms: "record" (nothing can be written), "record-slow" (the disk is behind).
 */
#define AGE_MAX_USEC  (100 * USEC_PER_MS) /* a block is handed on at this age, full or not */
#define SLOW_USEC     (5 * USEC_PER_SEC)
#define QUEUE_DEFAULT (64u << 20)
#define FREE_DEFAULT  (UINT64_C(1) << 30)

static const char usage[] =
	"usage: uplinkd-record --directory DIR [options] < stream.ts\n"
	"  --directory DIR        where the segments go; created if it is not there\n"
	"  --prefix NAME          names are NAME-YYYYMMDDTHHMMSSZ.ts and NAME.index (uplinkd)\n"
	"  --segment-seconds N    length of a segment (60)\n"
	"  --free-min BYTES       leave this much of the disk free (1073741824)\n"
	"  --queue-bytes BYTES    memory for what a slow disk has not taken yet (67108864)\n";

struct reader {
	struct supervisor *supervisor;
	struct queue queue;
	struct recorder *recorder;
	struct block *block; /* being filled */
	uint64_t dropped;    /* bytes */
	usec_t told;
	bool slow;
};

static void block_begin(struct block *block)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	block->unix_usec = (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
	block->at = supervisor_clock();
}

/* Hands the whole packets on; the beginning of the next one moves to a new block. */
static void block_hand_on(struct reader *reader)
{
	struct block *block = reader->block;
	size_t rest = block->len % 188;
	struct block *next;

	if (block->len - rest == 0)
		return;
	next = malloc(sizeof(*next));
	if (next) {
		block->len -= rest;
		memcpy(next->data, block->data + block->len, rest);
		next->len = rest;
		next->taken = 0;
		block_begin(next);
		if (queue_put(&reader->queue, block)) {
			reader->block = next;
			return;
		}
		free(next);
		block->len += rest;
	}
	/* The queue is full: these packets are lost, the stream behind them stays aligned. */
	reader->dropped += block->len - rest;
	memmove(block->data, block->data + block->len - rest, rest);
	block->len = rest;
}

/* False at the end of the input. */
static bool input_read(struct reader *reader)
{
	struct block *block = reader->block;
	ssize_t n = read(STDIN_FILENO, block->data + block->len, BLOCK_BYTES - block->len);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n)
		return false;
	if (!block->len)
		block_begin(block);
	block->len += (size_t)n;
	if (block->len == BLOCK_BYTES)
		block_hand_on(reader);
	return true;
}

static void slow_check(struct reader *reader, const struct queue_state *state, usec_t now)
{
	bool behind = state->oldest != USEC_NEVER && usec_since(state->oldest, now) >= SLOW_USEC;

	if (atomic_load(&recorder_stats(reader->recorder)->failing))
		return; /* that has an alarm of its own */
	if (behind)
		supervisor_alarm(reader->supervisor, "record-slow",
				 "the disk is %u s behind with %llu bytes waiting; %llu bytes lost "
				 "so far",
				 (unsigned)(usec_since(state->oldest, now) / USEC_PER_SEC),
				 (unsigned long long)state->bytes,
				 (unsigned long long)reader->dropped);
	else if (reader->slow)
		supervisor_alarm_clear(reader->supervisor, "record-slow",
				       "the disk keeps up again");
	reader->slow = behind;
}

static void stats_tell(struct reader *reader)
{
	struct recorder_stats *stats = recorder_stats(reader->recorder);
	struct queue_state state;

	queue_state(&reader->queue, &state);
	slow_check(reader, &state, supervisor_clock());
	supervisor_send(
		reader->supervisor,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "event", "stats", "bytes",
			  (json_int_t)atomic_load(&stats->bytes), "dropped_bytes",
			  (json_int_t)(reader->dropped + atomic_load(&stats->discarded_bytes)),
			  "queued_bytes", (json_int_t)state.bytes, "segments",
			  (json_int_t)atomic_load(&stats->segments), "free_bytes",
			  (json_int_t)atomic_load(&stats->free_bytes), "sync_usec_max",
			  (json_int_t)atomic_exchange(&stats->sync_usec_max, 0)));
}

static void input_record(struct reader *reader)
{
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = supervisor_stop_fd(reader->supervisor), .events = POLLIN },
	};
	bool more = true;

	while (more) {
		usec_t now = supervisor_clock();
		usec_t due = reader->told + USEC_PER_SEC;
		bool stopping = supervisor_stopping(reader->supervisor);

		if (reader->block->len >= 188)
			due = usec_min(due, reader->block->at + AGE_MAX_USEC);
		/* Told to stop, it still takes what is in the pipe. */
		fds[0].revents = 0;
		(void)poll(fds, stopping ? 1 : 2,
			   stopping ? 0 : (int)((usec_sub(due, now) + 999) / 1000));
		if (fds[0].revents)
			more = input_read(reader);
		else if (stopping)
			break;
		now = supervisor_clock();
		if (reader->block->len >= 188 && now >= reader->block->at + AGE_MAX_USEC)
			block_hand_on(reader);
		if (now >= reader->told + USEC_PER_SEC) {
			reader->told = now;
			stats_tell(reader);
		}
	}
}

static int run(const struct recorder_config *config, uint64_t queue_bytes)
{
	struct reader reader = { .block = malloc(sizeof(*reader.block)) };

	reader.supervisor = supervisor_new(NULL, NULL);
	if (!reader.supervisor || !reader.block) {
		free(reader.block);
		return WORKER_EXIT_SOFTWARE;
	}
	queue_init(&reader.queue, queue_bytes);
	reader.block->len = reader.block->taken = 0;
	reader.recorder = recorder_new(config, &reader.queue, reader.supervisor);
	if (!reader.recorder) {
		free(reader.block);
		return WORKER_EXIT_SOFTWARE;
	}
	supervisor_ready(reader.supervisor, 0);
	reader.told = supervisor_clock();
	input_record(&reader);
	block_hand_on(&reader);
	if (reader.block->len % 188)
		log_warning("the input ended inside a packet; its %zu bytes are not recorded",
			    reader.block->len % 188);
	queue_close(&reader.queue);
	/* The last line counts everything, so the recorder has to be done before. */
	recorder_finish(reader.recorder);
	stats_tell(&reader);
	recorder_free(reader.recorder);
	queue_deinit(&reader.queue);
	free(reader.block);
	supervisor_free(reader.supervisor);
	return WORKER_EXIT_OK;
}

static bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || number < min || number > max)
		return false;
	*ret_number = number;
	return true;
}

static bool prefix_is_valid(const char *prefix)
{
	return *prefix && *prefix != '.' && strlen(prefix) <= 64 &&
	       !prefix[strspn(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-")];
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "directory", required_argument, NULL, 'd' },
		{ "prefix", required_argument, NULL, 'p' },
		{ "segment-seconds", required_argument, NULL, 's' },
		{ "free-min", required_argument, NULL, 'f' },
		{ "queue-bytes", required_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct recorder_config config = { .prefix = "uplinkd", .free_min_bytes = FREE_DEFAULT };
	uint64_t seconds = 60, queue_bytes = QUEUE_DEFAULT;
	bool valid = true;
	int option;

	log_open("uplinkd-record", LOG_LEVEL_INFO);
	while (valid && (option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'd')
			config.directory = optarg;
		else if (option == 'p')
			valid = prefix_is_valid(config.prefix = optarg);
		else if (option == 's')
			valid = number_parse(optarg, 1, 86400, &seconds);
		else if (option == 'f')
			valid = number_parse(optarg, 0, INT64_MAX, &config.free_min_bytes);
		else if (option == 'q')
			valid = number_parse(optarg, 0, UINT64_C(1) << 36, &queue_bytes);
		else if (option == 'h')
			return fputs(usage, stdout) < 0;
		else
			valid = false;
	}
	if (!valid || optind < argc || !config.directory) {
		(void)fputs(usage, stderr);
		return WORKER_EXIT_USAGE;
	}
	config.segment_usec = seconds * USEC_PER_SEC;
	return run(&config, queue_bytes);
}
