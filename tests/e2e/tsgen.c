#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "e2e/tspacket.h"

/*
 * A paced stream of measured packets (tspacket.h), to UDP or to stdout, in datagrams or writes of
 * seven.
 *
 * Datagram n is due at start + n * interval, so the mean rate is exact and a late wake-up is
 * caught up at once. A turn sends all that is due, at most MESSAGES of them, and sleeps for at
 * least QUANTUM; below 40 Mb/s that is one datagram a turn, evenly spaced. Each packet
 * carries the time at which its turn hands it to the kernel.
 */
#define MESSAGES 64  /* datagrams of one sendmmsg() */
#define QUANTUM	 250 /* microseconds: shortest sleep; bounds the cost at high rates */
#define PIDS	 3
#define TABLES	 UINT64_C(100000) /* microseconds between tables, ISO/IEC 13818-1 asks for 0.5 s */
#define PMT_PID	 0x1000

struct source {
	struct crc32c crc;
	struct rng rng;
	uint16_t pids[PIDS];
	uint8_t continuity[8192];
	uint32_t stream;
	uint64_t number;
	uint64_t nulls;
	usec_t tables_at;
	unsigned null_permille;
	bool tables;
	unsigned table; /* the next packet is this table: 1 PAT, 2 PMT, 0 none */
};

static volatile sig_atomic_t arg_stop;

static void on_signal(int number)
{
	(void)number;
	arg_stop = 1;
}

static usec_t now_usec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

/* CRC of sections: polynomial 0x04c11db7, not reflected (ISO/IEC 13818-1, annex A). */
static uint32_t section_crc(const uint8_t *p, size_t len)
{
	uint32_t v = UINT32_MAX;

	while (len--) {
		v ^= (uint32_t)*p++ << 24;
		for (int bit = 0; bit < 8; bit++)
			v = v << 1 ^ (v & UINT32_C(0x80000000) ? UINT32_C(0x04c11db7) : 0);
	}
	return v;
}

/* A section with its pointer field into @out; returns its length. The streams are declared as
 * private data, so that nobody tries to decode them. */
static size_t source_section(const struct source *source, unsigned table, uint8_t *out, size_t size)
{
	struct writer w = writer_of(out, size);
	size_t length = table == 1 ? 13 : 13 + 5 * PIDS;

	writer_u8(&w, 0);
	writer_u8(&w, table == 1 ? 0x00 : 0x02);
	writer_u16(&w, (uint16_t)(0xb000 | length));
	writer_u16(&w, 1);
	writer_u8(&w, 0xc1);
	writer_u16(&w, 0);
	if (table == 1) {
		writer_u16(&w, 1);
		writer_u16(&w, 0xe000 | PMT_PID);
	} else {
		writer_u16(&w, 0xe000 | TSPACKET_NULL);
		writer_u16(&w, 0xf000);
		for (unsigned i = 0; i < PIDS; i++) {
			writer_u8(&w, 0x06);
			writer_u16(&w, (uint16_t)(0xe000 | source->pids[i]));
			writer_u16(&w, 0xf000);
		}
	}
	writer_u32(&w, section_crc(out + 1, writer_len(&w) - 1));
	return writer_len(&w);
}

static void source_packet(struct source *source, uint8_t *out, usec_t now)
{
	struct tspacket packet = { .stream = source->stream, .sent = now };
	uint8_t section[TSPACKET_BODY];
	size_t section_len = 0;

	if (source->tables && now >= source->tables_at) {
		source->tables_at = now + TABLES;
		source->table = 1;
	}
	if (!source->table && rng_chance(&source->rng, source->null_permille * 1000)) {
		tspacket_write_null(out);
		source->nulls++;
		return;
	}
	packet.number = source->number++;
	if (source->table) {
		packet.pid = source->table == 1 ? 0 : PMT_PID;
		packet.unit_start = true;
		section_len = source_section(source, source->table, section, sizeof(section));
		source->table = source->table == 1 ? 2 : 0;
	} else {
		/* Most of it "video", a little on the other two. */
		packet.pid = source->pids[packet.number % 16 < 14 ? 0 : packet.number % 16 - 13];
	}
	packet.continuity = source->continuity[packet.pid]++ & 0x0f;
	tspacket_write(out, &packet, section_len ? section : NULL, section_len, &source->crc);
}

static void source_init(struct source *source, bool random_pids)
{
	static const uint16_t usual[PIDS] = { 0x100, 0x101, 0x102 };

	crc32c_init(&source->crc);
	source->rng = rng_of(now_usec() ^ (uint64_t)getpid() << 40);
	source->stream = (uint32_t)rng_u64(&source->rng);
	for (unsigned i = 0; i < PIDS; i++)
		source->pids[i] =
			random_pids ? (uint16_t)(0x20 + i * 0x500 + rng_below(&source->rng, 0x500))
				    : usual[i];
}

struct sink {
	int fd;
	bool socket;
	struct sockaddr_storage to;
	socklen_t to_len;
	FILE *copy;
	uint64_t refused; /* datagrams that the kernel did not take */
};

static bool sink_open_udp(struct sink *sink, const char *url)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list;
	char host[256], port[16];
	int size = 4 << 20;

	if (sscanf(url, "udp://%255[^]:]:%15[0-9]", host, port) != 2 &&
	    sscanf(url, "udp://[%255[^]]]:%15[0-9]", host, port) != 2)
		return false;
	if (getaddrinfo(host, port, &hints, &list))
		return false;
	memcpy(&sink->to, list->ai_addr, list->ai_addrlen);
	sink->to_len = list->ai_addrlen;
	sink->fd = socket(list->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	freeaddrinfo(list);
	if (sink->fd < 0)
		return false;
	(void)setsockopt(sink->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	sink->socket = true;
	return true;
}

/* False: the reader of our stdout is gone. */
static bool sink_write(struct sink *sink, const uint8_t *data, const size_t *lens, unsigned count)
{
	struct mmsghdr messages[MESSAGES];
	struct iovec iov[MESSAGES];
	size_t total = 0;

	for (unsigned i = 0; i < count; i++) {
		iov[i] = (struct iovec){ (void *)(data + total), lens[i] };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &sink->to,
							     .msg_namelen = sink->to_len,
							     .msg_iov = &iov[i],
							     .msg_iovlen = 1 } };
		total += lens[i];
	}
	if (sink->copy)
		(void)fwrite(data, 1, total, sink->copy);
	for (unsigned i = 0; sink->socket && i < count;) {
		int n = sendmmsg(sink->fd, messages + i, count - i, 0);

		if (n < 0 && errno != EINTR) {
			sink->refused++;
			n = 1;
		}
		i += n > 0 ? (unsigned)n : 0;
	}
	for (size_t i = 0; !sink->socket && i < total;) {
		ssize_t n = write(sink->fd, data + i, total - i);

		if (n < 0 && errno != EINTR)
			return false;
		i += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void sleep_until(usec_t at)
{
	struct timespec t = { .tv_sec = (time_t)(at / USEC_PER_SEC),
			      .tv_nsec = (long)(at % USEC_PER_SEC * 1000) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Sends until @span has passed or @limit packets are out. */
static void run(struct source *source, struct sink *sink, uint64_t rate_bps, usec_t span,
		uint64_t limit)
{
	static uint8_t data[MESSAGES * TSPACKET_BATCH * TSPACKET_LEN];
	const uint64_t bits = (uint64_t)TSPACKET_BATCH * TSPACKET_LEN * 8;
	const usec_t start = now_usec();
	uint64_t batches = 0, packets = 0;

	while (!arg_stop) {
		usec_t now = now_usec(), due;
		size_t lens[MESSAGES];
		uint8_t *out = data;
		unsigned count = 0;

		if (now - start >= span || packets >= limit)
			break;
		while (count < MESSAGES && packets < limit &&
		       (!rate_bps || start + batches * bits * USEC_PER_SEC / rate_bps <= now)) {
			uint8_t *begin = out;

			for (int i = 0; i < TSPACKET_BATCH && packets < limit; i++, packets++) {
				source_packet(source, out, now);
				out += TSPACKET_LEN;
			}
			lens[count++] = (size_t)(out - begin);
			batches++;
		}
		if (count && !sink_write(sink, data, lens, count))
			break;
		due = rate_bps ? start + batches * bits * USEC_PER_SEC / rate_bps : 0;
		if (due > now)
			sleep_until(usec_max(due, now + QUANTUM));
	}
}

static uint64_t number_of(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	v *= *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' ? 1e9 : 1;
	return v < 0 ? 0 : (uint64_t)v;
}

static _Noreturn void usage(void)
{
	(void)fputs(
		"usage: tsgen --rate BPS [--seconds N] [--count PACKETS] [--to udp://HOST:PORT]"
		"\n\t[--pids random] [--no-tables] [--null PERMILLE] [--first N] [--copy FILE]\n"
		"Without --to the stream goes to stdout. BPS: k, M, G; 0 = as fast as taken.\n"
		"At the end one JSON line with \"sent\" on stdout (stderr without --to).\n",
		stderr);
	exit(64);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rate", 1, NULL, 'r' },  { "seconds", 1, NULL, 's' },
		{ "count", 1, NULL, 'c' }, { "to", 1, NULL, 't' },
		{ "pids", 1, NULL, 'p' },  { "no-tables", 0, NULL, 'n' },
		{ "null", 1, NULL, 'N' },  { "first", 1, NULL, 'f' },
		{ "copy", 1, NULL, 'o' },  { 0 },
	};
	static struct source source = { .tables = true };
	struct sigaction action = { .sa_handler = on_signal };
	struct sink sink = { .fd = STDOUT_FILENO };
	uint64_t rate_bps = 6000000, limit = UINT64_MAX, first = 0;
	usec_t span = USEC_NEVER, begin;
	bool random_pids = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			rate_bps = number_of(optarg);
		else if (c == 's')
			span = (usec_t)(strtod(optarg, NULL) * 1e6);
		else if (c == 'c')
			limit = number_of(optarg);
		else if (c == 't' && strcmp(optarg, "stdout") && !sink_open_udp(&sink, optarg))
			usage();
		else if (c == 'p')
			random_pids = !strcmp(optarg, "random");
		else if (c == 'n')
			source.tables = false;
		else if (c == 'N')
			source.null_permille = (unsigned)number_of(optarg);
		else if (c == 'f')
			first = number_of(optarg);
		else if (c == 'o' && !(sink.copy = fopen(optarg, "we")))
			usage();
		else if (c == '?')
			usage();
	}
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	source_init(&source, random_pids);
	source.number = first;
	begin = now_usec();
	run(&source, &sink, rate_bps, span, limit);
	(void)fprintf(sink.socket ? stdout : stderr,
		      "{\"sent\": %" PRIu64 ", \"first\": %" PRIu64 ", \"null\": %" PRIu64
		      ", \"bytes\": %" PRIu64 ", \"seconds\": %.3f, \"refused\": %" PRIu64 "}\n",
		      source.number - first, first, source.nulls,
		      (source.number - first + source.nulls) * TSPACKET_LEN,
		      (double)(now_usec() - begin) / 1e6, sink.refused);
	return sink.copy && fclose(sink.copy) ? 74 : 0;
}
