#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "e2e/tspacket.h"

/*
 * Judges a stream of measured packets (tspacket.h) that comes by UDP or on stdin.
 *
 * Exactness: one bit per number tells whether it was seen, so lost and duplicated are counts, not
 * guesses from steps; latencies go into a histogram of 10 us. The time of arrival is the kernel's
 * (SO_TIMESTAMPNS), carried over to the clock of the sender's stamps by reading both clocks in
 * every turn; so a late wake-up of this program is not measured as latency. On stdin it is the time
 * of the read.
 *
 * Jitter is the difference of a packet's latency from the median latency: how far the spacing is
 * from the spacing at the source.
 */
#define MESSAGES     64
#define DATAGRAM_MAX 2048
#define BUCKET	     10			/* microseconds of the histogram */
#define BUCKETS	     (10 * 1000 * 1000) /* up to 100 s, then the last one counts all */
#define NUMBERS_MAX  (UINT64_C(1) << 36)
#define HOLES_SHOWN  20

struct check {
	struct crc32c crc;
	/* Numbered packets. */
	uint64_t received, unique, duplicated, reordered;
	uint64_t first, last; /* lowest and highest number */
	uint64_t newest;      /* highest number so far, for reordering */
	uint8_t *seen;
	size_t seen_size;
	uint32_t stream;
	uint64_t restarts; /* a packet of another run than the one before */
	/* Others. */
	uint64_t corrupted, foreign, nulls, continuity_errors, bytes, datagrams;
	int8_t continuity[8192];
	/* Time. */
	usec_t first_at, last_at, gap_max, gap_at, sent_last, sent_gap_max;
	int64_t latency_min, latency_max;
	uint32_t *histogram;
	uint64_t step_sum, steps; /* differences of latency between neighbours */
	int64_t latency_last;
	/* The running second. */
	usec_t second_at;
	uint64_t second_bytes, second_packets;
	int64_t second_latency;
	bool second_lines;
	FILE *copy;
};

static volatile sig_atomic_t arg_stop;

static void on_signal(int number)
{
	(void)number;
	arg_stop = 1;
}

static usec_t clock_usec(clockid_t id)
{
	struct timespec t;

	(void)clock_gettime(id, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

/* True when this number had not been seen. */
static bool check_mark(struct check *check, uint64_t number)
{
	size_t at = (size_t)(number / 8);

	if (at >= check->seen_size) {
		size_t size = (at + 1) * 2 > (1 << 20) ? (at + 1) * 2 : 1 << 20;
		uint8_t *grown = realloc(check->seen, size);

		if (!grown)
			abort();
		memset(grown + check->seen_size, 0, size - check->seen_size);
		check->seen = grown;
		check->seen_size = size;
	}
	if (check->seen[at] & 1u << number % 8)
		return false;
	check->seen[at] |= (uint8_t)(1u << number % 8);
	return true;
}

static bool check_seen(const struct check *check, uint64_t number)
{
	return number / 8 < check->seen_size && check->seen[number / 8] & 1u << number % 8;
}

static void check_latency(struct check *check, const struct tspacket *packet, usec_t at)
{
	int64_t latency = (int64_t)(at - packet->sent);
	int64_t bucket = latency < 0 ? 0 : latency / BUCKET;

	if (check->unique == 1 || latency < check->latency_min)
		check->latency_min = latency;
	if (check->unique == 1 || latency > check->latency_max)
		check->latency_max = latency;
	check->histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	if (latency > check->second_latency)
		check->second_latency = latency;
	if (check->sent_last && packet->sent > check->sent_last) {
		usec_t gap = packet->sent - check->sent_last;

		/* Of neighbours alone: a hole is no gap of the source. */
		if (check_seen(check, packet->number - 1))
			check->sent_gap_max = usec_max(check->sent_gap_max, gap);
		check->step_sum += (uint64_t)llabs(latency - check->latency_last);
		check->steps++;
	}
	if (packet->sent >= check->sent_last)
		check->sent_last = packet->sent;
	check->latency_last = latency;
}

static void check_numbered(struct check *check, const struct tspacket *packet, usec_t at)
{
	check->received++;
	if (packet->number >= NUMBERS_MAX) {
		check->corrupted++;
		return;
	}
	if (check->unique && packet->stream != check->stream)
		check->restarts++;
	check->stream = packet->stream;
	if (!check_mark(check, packet->number)) {
		check->duplicated++;
		return;
	}
	if (check->unique++ && packet->number < check->newest)
		check->reordered++;
	else
		check->newest = packet->number;
	if (check->unique == 1 || packet->number < check->first)
		check->first = packet->number;
	if (check->unique == 1 || packet->number > check->last)
		check->last = packet->number;
	check_latency(check, packet, at);
}

static void check_packet(struct check *check, const uint8_t *in, usec_t at)
{
	struct tspacket packet;
	enum tspacket_kind kind = tspacket_read(in, &packet, &check->crc);
	bool announced;

	if (kind == TSPACKET_BROKEN) {
		check->corrupted++;
		return;
	}
	if (kind == TSPACKET_STUFFING) {
		check->nulls++;
		return;
	}
	announced = in[3] & 0x20 && in[4] && in[5] & 0x80;
	/* The counter counts packets with payload; a repeated packet repeats it. */
	if (in[3] & 0x10 || announced) {
		int8_t last = check->continuity[packet.pid];

		if (last >= 0 && !announced && packet.continuity != (last + 1) % 16)
			check->continuity_errors++;
		check->continuity[packet.pid] = (int8_t)packet.continuity;
	}
	if (kind == TSPACKET_FOREIGN)
		check->foreign++;
	else
		check_numbered(check, &packet, at);
}

static void check_second(struct check *check, usec_t at)
{
	while (check->second_lines && at >= check->second_at + USEC_PER_SEC) {
		(void)printf("{\"second\": %.1f, \"kbps\": %" PRIu64 ", \"packets\": %" PRIu64
			     ", \"latency_max_ms\": %.1f, \"missing\": %" PRIu64 "}\n",
			     (double)(check->second_at - check->first_at) / 1e6,
			     check->second_bytes * 8 / 1000, check->second_packets,
			     (double)check->second_latency / 1e3,
			     check->unique ? check->last - check->first + 1 - check->unique : 0);
		(void)fflush(stdout);
		check->second_at += USEC_PER_SEC;
		check->second_bytes = check->second_packets = 0;
		check->second_latency = 0;
	}
}

/* Takes a datagram, or what one read gave. */
static void check_data(struct check *check, const uint8_t *data, size_t len, usec_t at)
{
	if (!check->datagrams++) {
		check->first_at = check->second_at = at;
	} else if (at > check->last_at && at - check->last_at > check->gap_max) {
		check->gap_max = at - check->last_at;
		check->gap_at = at;
	}
	check->last_at = usec_max(check->last_at, at);
	check_second(check, at);
	check->bytes += len;
	check->second_bytes += len;
	check->second_packets += len / TSPACKET_LEN;
	if (check->copy)
		(void)fwrite(data, 1, len, check->copy);
	if (len % TSPACKET_LEN)
		check->corrupted++;
	for (size_t i = 0; i + TSPACKET_LEN <= len; i += TSPACKET_LEN)
		check_packet(check, data + i, at);
}

static bool check_init(struct check *check)
{
	crc32c_init(&check->crc);
	memset(check->continuity, -1, sizeof(check->continuity));
	check->histogram = calloc(BUCKETS, sizeof(*check->histogram));
	return check->histogram;
}

/* The latency below which @permyriad / 10000 of the packets are, in microseconds. */
static double check_percentile(const struct check *check, unsigned permyriad)
{
	uint64_t wanted = (check->unique * permyriad + 9999) / 10000, sum = 0;

	for (int64_t i = 0; check->unique && i < BUCKETS; i++) {
		sum += check->histogram[i];
		if (sum >= wanted)
			return (double)i * BUCKET + BUCKET / 2.0;
	}
	return 0;
}

/* The same of |latency - median|: the histogram folded at the median. */
static double check_jitter(const struct check *check, unsigned permyriad)
{
	int64_t median = (int64_t)check_percentile(check, 5000) / BUCKET;
	uint64_t wanted = (check->unique * permyriad + 9999) / 10000;
	uint64_t sum = check->histogram[median];

	for (int64_t d = 0; d < BUCKETS; d++) {
		if (d && median - d >= 0)
			sum += check->histogram[median - d];
		if (d && median + d < BUCKETS)
			sum += check->histogram[median + d];
		if (sum >= wanted)
			return (double)(d * BUCKET);
	}
	return 0;
}

static void check_print_holes(const struct check *check, uint64_t begin, uint64_t end)
{
	unsigned shown = 0;

	(void)printf("\"holes\": [");
	for (uint64_t n = begin; n < end && shown < HOLES_SHOWN; n++) {
		uint64_t from = n;

		while (n < end && !check_seen(check, n))
			n++;
		if (n > from)
			(void)printf("%s[%" PRIu64 ", %" PRIu64 "]", shown++ ? ", " : "", from,
				     n - from);
	}
	(void)printf("]");
}

/* @expect: how many were sent from number 0 on; 0 = judge from the first to the last seen. */
static void check_print(const struct check *check, uint64_t expect)
{
	uint64_t begin = expect || !check->unique ? 0 : check->first;
	uint64_t end = expect ? expect : check->unique ? check->last + 1 : 0;
	uint64_t lost = end - begin > check->unique ? end - begin - check->unique : 0;

	(void)printf("{\"received\": %" PRIu64 ", \"unique\": %" PRIu64 ", \"lost\": %" PRIu64
		     ", \"duplicated\": %" PRIu64 ", \"reordered\": %" PRIu64
		     ", \"corrupted\": %" PRIu64 ", \"foreign\": %" PRIu64 ", \"null\": %" PRIu64
		     ", \"continuity_errors\": %" PRIu64 ", \"restarts\": %" PRIu64
		     ", \"first\": %" PRIu64 ", \"last\": %" PRIu64 ", \"bytes\": %" PRIu64
		     ", \"datagrams\": %" PRIu64 ", ",
		     check->received, check->unique, lost, check->duplicated, check->reordered,
		     check->corrupted, check->foreign, check->nulls, check->continuity_errors,
		     check->restarts, check->first, check->last, check->bytes, check->datagrams);
	(void)printf("\"seconds\": %.3f, \"gap_max_ms\": %.2f, \"gap_at_s\": %.3f, "
		     "\"sent_gap_max_ms\": %.2f, ",
		     (double)(check->last_at - check->first_at) / 1e6, (double)check->gap_max / 1e3,
		     (double)usec_sub(check->gap_at, check->first_at) / 1e6,
		     (double)check->sent_gap_max / 1e3);
	(void)printf("\"latency_ms\": {\"min\": %.2f, \"p50\": %.2f, \"p95\": %.2f, \"p99\": %.2f, "
		     "\"p999\": %.2f, \"max\": %.2f}, ",
		     (double)check->latency_min / 1e3, check_percentile(check, 5000) / 1e3,
		     check_percentile(check, 9500) / 1e3, check_percentile(check, 9900) / 1e3,
		     check_percentile(check, 9990) / 1e3, (double)check->latency_max / 1e3);
	(void)printf("\"jitter_ms\": {\"step_mean\": %.3f, \"p50\": %.2f, \"p99\": %.2f, "
		     "\"max\": %.2f}, ",
		     check->steps ? (double)check->step_sum / (double)check->steps / 1e3 : 0,
		     check_jitter(check, 5000) / 1e3, check_jitter(check, 9900) / 1e3,
		     check_jitter(check, 10000) / 1e3);
	check_print_holes(check, begin, end);
	(void)printf("}\n");
	(void)fflush(stdout);
}

static int listen_udp(const char *where)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	char host[128], port[16];
	int size = 32 << 20, on = 1, fd;
	bool is_six;
	socklen_t len;

	if (sscanf(where, "[%127[^]]]:%15[0-9]", host, port) != 2 &&
	    sscanf(where, "%127[^:]:%15[0-9]", host, port) != 2)
		return -1;
	is_six = strchr(host, ':');
	if (inet_pton(is_six ? AF_INET6 : AF_INET, host,
		      is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr) != 1)
		return -1;
	six.sin6_port = four.sin_port = htons((uint16_t)atoi(port));
	fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	len = is_six ? sizeof(six) : sizeof(four);
	if (fd < 0 || bind(fd, is_six ? (void *)&six : (void *)&four, len))
		return -1;
	/* Beyond the system's limit as root; as much as it gives otherwise. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	(void)getsockname(fd, is_six ? (void *)&six : (void *)&four, &len);
	(void)printf("{\"port\": %u}\n", ntohs(is_six ? six.sin6_port : four.sin_port));
	(void)fflush(stdout);
	return fd;
}

static usec_t message_time(struct msghdr *message, usec_t now, usec_t realtime)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec t;
			usec_t stamp;

			memcpy(&t, CMSG_DATA(c), sizeof(t));
			stamp = (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
			return now - usec_since(stamp, realtime);
		}
	}
	return now;
}

/* Takes all that is there. */
static void read_udp(struct check *check, int fd)
{
	static uint8_t data[MESSAGES][DATAGRAM_MAX];
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control[MESSAGES];
	struct mmsghdr messages[MESSAGES];
	struct iovec iov[MESSAGES];
	int count;

	do {
		usec_t now, realtime;

		for (int i = 0; i < MESSAGES; i++) {
			iov[i] = (struct iovec){ data[i], DATAGRAM_MAX };
			messages[i].msg_hdr =
				(struct msghdr){ .msg_iov = &iov[i],
						 .msg_iovlen = 1,
						 .msg_control = &control[i],
						 .msg_controllen = sizeof(control[i]) };
		}
		count = recvmmsg(fd, messages, MESSAGES, MSG_DONTWAIT, NULL);
		now = clock_usec(CLOCK_MONOTONIC);
		realtime = clock_usec(CLOCK_REALTIME);
		for (int i = 0; i < count; i++)
			check_data(check, data[i], messages[i].msg_len,
				   message_time(&messages[i].msg_hdr, now, realtime));
	} while (count == MESSAGES);
}

/* A byte stream: packets need not start where reads do. False: it has ended. */
static bool read_pipe(struct check *check, int fd)
{
	static uint8_t data[1 << 16];
	static size_t held;
	ssize_t n = read(fd, data + held, sizeof(data) - held);
	size_t begin = 0, end;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	end = held + (size_t)n;
	while (begin < end && data[begin] != TSPACKET_SYNC) {
		begin++;
		check->corrupted++;
	}
	held = (end - begin) % TSPACKET_LEN;
	if (end - begin > held)
		check_data(check, data + begin, end - begin - held, clock_usec(CLOCK_MONOTONIC));
	memmove(data, data + end - held, held);
	return true;
}

struct limits {
	usec_t wait;	/* for the first data */
	usec_t idle;	/* after the last data */
	usec_t seconds; /* after the first data */
	uint64_t count; /* numbered packets */
};

static bool limits_reached(const struct limits *limits, const struct check *check, usec_t start)
{
	usec_t now = clock_usec(CLOCK_MONOTONIC);

	if (!check->datagrams)
		return now - start >= limits->wait;
	return usec_since(check->last_at, now) >= limits->idle ||
	       usec_since(check->first_at, now) >= limits->seconds ||
	       check->unique >= limits->count;
}

static void run(struct check *check, int fd, bool udp, const struct limits *limits)
{
	usec_t start = clock_usec(CLOCK_MONOTONIC);

	while (!arg_stop && !limits_reached(limits, check, start)) {
		struct pollfd item = { .fd = fd, .events = POLLIN };

		if (poll(&item, 1, 50) <= 0)
			continue;
		if (udp)
			read_udp(check, fd);
		else if (!read_pipe(check, fd))
			break;
	}
}

static _Noreturn void usage(void)
{
	(void)fputs(
		"usage: tscheck [--listen ADDRESS:PORT] [--seconds N] [--until-count N] "
		"[--idle N] [--wait N]\n\t[--expect COUNT] [--each-second] [--copy FILE]\n"
		"Without --listen the stream is read from stdin. Port 0: any. With --listen the "
		"first line\nis {\"port\": N}. The result is one JSON line, the last.\n",
		stderr);
	exit(64);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", 1, NULL, 'l' },	 { "seconds", 1, NULL, 's' },
		{ "until-count", 1, NULL, 'u' }, { "idle", 1, NULL, 'i' },
		{ "wait", 1, NULL, 'w' },	 { "expect", 1, NULL, 'e' },
		{ "each-second", 0, NULL, 'E' }, { "copy", 1, NULL, 'o' },
		{ "json", 0, NULL, 'j' },	 { 0 },
	};
	static struct check check;
	struct sigaction action = { .sa_handler = on_signal };
	struct limits limits = { 30 * USEC_PER_SEC, 3 * USEC_PER_SEC, USEC_NEVER, UINT64_MAX };
	uint64_t expect = 0;
	int fd = STDIN_FILENO, c;

	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		usec_t span = optarg ? (usec_t)(strtod(optarg, NULL) * 1e6) : 0;

		if (c == 'l' && (fd = listen_udp(optarg)) < 0)
			usage();
		else if (c == 's')
			limits.seconds = span;
		else if (c == 'u')
			limits.count = strtoull(optarg ? optarg : "", NULL, 10);
		else if (c == 'i')
			limits.idle = span;
		else if (c == 'w')
			limits.wait = span;
		else if (c == 'e')
			expect = strtoull(optarg ? optarg : "", NULL, 10);
		else if (c == 'E')
			check.second_lines = true;
		else if (c == 'o' && !(check.copy = fopen(optarg, "we")))
			usage();
		else if (c == '?')
			usage();
	}
	if (!check_init(&check))
		return 70;
	run(&check, fd, fd != STDIN_FILENO, &limits);
	check_print(&check, expect);
	return check.copy && fclose(check.copy) ? 74 : 0;
}
