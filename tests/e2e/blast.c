#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/*
 * blast RATE_BPS BYTES SECONDS: constant UDP load through relays, and what comes out of them.
 *
 * It prints "port N", the port it receives on, and reads one line of relay addresses
 * ("127.0.0.1:4711 127.0.0.1:4712"). Then it sends packets of BYTES, numbered and with the time of
 * sending, to the relays in turn, and prints what it got as one JSON line.
 */
#define BATCH	 16
#define RELAYS	 16
#define SIZE	 2048
#define DELAYS	 1000000
#define QUIET_NS 500000000 /* the end: nothing came for that long */
#define NS	 1000000000ll

struct header {
	uint64_t number;
	int64_t sent_ns;
};

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS + now.tv_nsec;
}

static struct sockaddr_in relay[RELAYS];
static unsigned relays;
static uint8_t data[BATCH][SIZE];
static struct mmsghdr message[BATCH];
static struct iovec vector[BATCH];
static uint32_t delay_us[DELAYS];
static uint64_t received, foreign;

static int open_socket(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), bytes = 8 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any))) {
		perror("blast");
		exit(1);
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return fd;
}

static void read_relays(void)
{
	char line[1024], *word;

	if (!fgets(line, sizeof(line), stdin))
		exit(1);
	for (word = strtok(line, " \n"); word && relays < RELAYS; word = strtok(NULL, " \n")) {
		char *colon = strrchr(word, ':');

		if (!colon)
			exit(1);
		*colon = '\0';
		relay[relays].sin_family = AF_INET;
		relay[relays].sin_port = htons((uint16_t)atoi(colon + 1));
		if (inet_pton(AF_INET, word, &relay[relays++].sin_addr) != 1)
			exit(1);
	}
	if (!relays)
		exit(1);
}

static int64_t receive_all(int fd)
{
	int64_t now = 0;
	int n;

	do {
		for (unsigned i = 0; i < BATCH; i++) {
			vector[i] = (struct iovec){ data[i], SIZE };
			message[i].msg_hdr =
				(struct msghdr){ .msg_iov = &vector[i], .msg_iovlen = 1 };
		}
		n = recvmmsg(fd, message, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++) {
			struct header header;

			now = now_ns();
			memcpy(&header, data[i], sizeof(header));
			if (message[i].msg_len < sizeof(header) || header.sent_ns > now) {
				foreign++;
				continue;
			}
			if (received < DELAYS)
				delay_us[received] = (uint32_t)((now - header.sent_ns) / 1000);
			received++;
		}
	} while (n == BATCH);
	return now;
}

static uint64_t send_due(int fd, uint64_t from, uint64_t to, size_t bytes)
{
	while (from < to) {
		unsigned n = to - from < BATCH ? (unsigned)(to - from) : BATCH;

		for (unsigned i = 0; i < n; i++) {
			struct header header = { from + i, now_ns() };

			memcpy(data[i], &header, sizeof(header));
			vector[i] = (struct iovec){ data[i], bytes };
			message[i].msg_hdr =
				(struct msghdr){ .msg_name = &relay[(from + i) % relays],
						 .msg_namelen = sizeof(relay[0]),
						 .msg_iov = &vector[i],
						 .msg_iovlen = 1 };
		}
		if (sendmmsg(fd, message, n, 0) < 0)
			break;
		from += n;
	}
	return from;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	uint64_t rate = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
	size_t bytes = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	int64_t span = argc == 4 ? atoll(argv[3]) * NS : 0;
	int in = open_socket(), out = open_socket();
	struct sockaddr_in self = { 0 };
	socklen_t len = sizeof(self);
	uint64_t sent = 0, n;
	int64_t begin, last;

	if (!rate || bytes < sizeof(struct header) || bytes > SIZE || span <= 0) {
		fprintf(stderr, "usage: blast RATE_BPS BYTES SECONDS\n");
		return 2;
	}
	(void)getsockname(in, (struct sockaddr *)&self, &len);
	printf("port %u\n", ntohs(self.sin_port));
	(void)fflush(stdout);
	read_relays();
	begin = last = now_ns();
	for (int64_t now = begin; now - begin < span || now - last < QUIET_NS; now = now_ns()) {
		int64_t heard;

		if (now - begin < span)
			sent = send_due(out, sent,
					(uint64_t)((__int128)(now - begin) * (int64_t)rate /
						   (int64_t)(8 * bytes) / NS),
					bytes);
		heard = receive_all(in);
		if (heard)
			last = heard;
		(void)usleep(500);
	}
	n = received < DELAYS ? received : DELAYS;
	qsort(delay_us, n, sizeof(*delay_us), compare);
	printf("{\"sent\":%" PRIu64 ",\"received\":%" PRIu64 ",\"foreign\":%" PRIu64
	       ",\"p50_us\":%u,\"p99_us\":%u,\"min_us\":%u}\n",
	       sent, received, foreign, n ? delay_us[n / 2] : 0, n ? delay_us[n * 99 / 100] : 0,
	       n ? delay_us[0] : 0);
	return 0;
}
