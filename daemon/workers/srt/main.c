#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "uplinkd/worker.h"
#include "workers/srt/players.h"
#include "workers/srt/role.h"

/*
 * uplinkd-srt: SRT on one side, MPEG-TS on a pipe on the other. Roles are in send.c and receive.c,
 * the settings of libsrt with their reasons in leg.c.
 */
static const char usage[] =
	"usage: uplinkd-srt send --to HOST:PORT | --listen [ADDRESS]:PORT [options] < stream.ts\n"
	"       uplinkd-srt receive --listen [ADDRESS]:PORT | --from HOST:PORT [options] > "
	"stream.ts\n"
	"  --latency MS           from capture to play-out (200; at most 65535)\n"
	"  --streamid ID          what a caller says, and what a listener demands\n"
	"  --streamid-file FILE   the same, where nobody sees it\n"
	"  --passphrase-file FILE encrypts; 10 to 79 characters\n"
	"  --rate-max BPS         largest stream, sizes the buffers (20000000)\n"
	"  --callers N            send --listen: players at once (8, at most 32)\n"
	"  --inner                the leg between two workers through the bond\n"
	"  --groups               a listener that welcomes SRT socket groups\n";

enum {
	OPTION_TO = 256,
	OPTION_FROM,
	OPTION_LISTEN,
	OPTION_LATENCY,
	OPTION_STREAMID,
	OPTION_STREAMID_FILE,
	OPTION_PASSPHRASE_FILE,
	OPTION_RATE_MAX,
	OPTION_CALLERS,
	OPTION_INNER,
	OPTION_GROUPS,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "to", required_argument, NULL, OPTION_TO },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "latency", required_argument, NULL, OPTION_LATENCY },
	{ "streamid", required_argument, NULL, OPTION_STREAMID },
	{ "streamid-file", required_argument, NULL, OPTION_STREAMID_FILE },
	{ "passphrase-file", required_argument, NULL, OPTION_PASSPHRASE_FILE },
	{ "rate-max", required_argument, NULL, OPTION_RATE_MAX },
	{ "callers", required_argument, NULL, OPTION_CALLERS },
	{ "inner", no_argument, NULL, OPTION_INNER },
	{ "groups", no_argument, NULL, OPTION_GROUPS },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

/* The first line of a file. 0, or an exit status with the reason logged. */
static int file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size);

	if (n < 0)
		log_err("cannot read %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return WORKER_EXIT_CONFIG;
	if ((size_t)n == size) {
		log_err("%s is longer than %zu bytes", path, size - 1);
		return WORKER_EXIT_CONFIG;
	}
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return 0;
}

static int passphrase_read(struct role *role, const char *path)
{
	int r = file_read(path, role->leg.passphrase, sizeof(role->leg.passphrase));
	size_t length = strlen(role->leg.passphrase);

	if (!r && (length < 10 || length > 79)) {
		log_err("the passphrase in %s has %zu characters; SRT wants 10 to 79", path,
			length);
		r = WORKER_EXIT_CONFIG;
	}
	return r;
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

static int value_wrong(const char *option, const char *value)
{
	log_err("--%s cannot be \"%s\"", option, value);
	return WORKER_EXIT_USAGE;
}

static int peer_set(struct role *role, const char *option, const char *value)
{
	role->listens = !strcmp(option, "listen");
	return endpoint_parse(value, role->listens, &role->endpoint) ? 0
								     : value_wrong(option, value);
}

static int option_set(struct role *role, int option, const char *name, const char *value)
{
	uint64_t number = 0;

	switch (option) {
	case OPTION_TO:
		return role->leg.sends ? peer_set(role, name, value) : WORKER_EXIT_USAGE;
	case OPTION_FROM:
		return role->leg.sends ? WORKER_EXIT_USAGE : peer_set(role, name, value);
	case OPTION_LISTEN:
		return peer_set(role, name, value);
	case OPTION_LATENCY:
		if (!number_parse(value, 20, LEG_LATENCY_MAX_MS, &number))
			return value_wrong(name, value);
		role->leg.latency_ms = (unsigned)number;
		return 0;
	case OPTION_STREAMID:
		if (strlen(value) >= sizeof(role->leg.streamid))
			return value_wrong(name, "a text of more than 512 bytes");
		memcpy(role->leg.streamid, value, strlen(value) + 1);
		return 0;
	case OPTION_STREAMID_FILE:
		return file_read(value, role->leg.streamid, sizeof(role->leg.streamid));
	case OPTION_PASSPHRASE_FILE:
		return passphrase_read(role, value);
	case OPTION_RATE_MAX:
		return number_parse(value, 100000, UINT64_C(2000000000), &role->leg.rate_max_bps)
			       ? 0
			       : value_wrong(name, value);
	case OPTION_CALLERS:
		if (!number_parse(value, 1, PLAYERS_MAX, &number))
			return value_wrong(name, value);
		role->callers = (unsigned)number;
		return 0;
	case OPTION_INNER:
		role->leg.inner = true;
		return 0;
	case OPTION_GROUPS:
		role->leg.groups = true;
		return 0;
	}
	return WORKER_EXIT_USAGE;
}

static int arguments_parse(struct role *role, int argc, char **argv)
{
	bool latency_given = false;
	int option, index, r = 0;

	if (argc < 2 || (strcmp(argv[1], "send") && strcmp(argv[1], "receive")))
		return WORKER_EXIT_USAGE;
	role->leg.sends = !strcmp(argv[1], "send");
	while (!r && (option = getopt_long(argc - 1, argv + 1, "", options, &index)) >= 0) {
		if (option < OPTION_TO)
			return WORKER_EXIT_USAGE;
		latency_given |= option == OPTION_LATENCY;
		r = option_set(role, option, options[index].name, optarg);
	}
	if (!r && (optind < argc - 1 || !*role->endpoint.text))
		return WORKER_EXIT_USAGE;
	/* The sender's latency decides on the inner leg. */
	if (role->leg.inner && !role->leg.sends && !latency_given)
		role->leg.latency_ms = 20;
	if (!r && role->leg.inner && *role->leg.passphrase) {
		log_err("the inner leg has no passphrase: the bond seals it");
		r = WORKER_EXIT_CONFIG;
	}
	return r;
}

/* libsrt's own words are for debugging; what matters comes as return values. */
static void on_library_log(void *opaque, int level, const char *file, int line, const char *area,
			   const char *message)
{
	(void)opaque;
	(void)level;
	(void)file;
	(void)line;
	log_debug("libsrt %s: %s", area, message);
}

static void groups_probe(struct role *role)
{
	bool there = leg_has_groups();

	if (!role->leg.groups)
		return;
	if (there)
		log_info("libsrt %s has socket groups: groups are welcome", SRT_VERSION_STRING);
	else
		log_warning("this libsrt was built without socket groups (ENABLE_BONDING); plain "
			    "SRT callers alone can connect");
	role->leg.groups = there;
}

int main(int argc, char **argv)
{
	struct role role = { .leg = { .latency_ms = 200, .rate_max_bps = 20000000 }, .callers = 8 };
	int r;

	log_open("uplinkd-srt", LOG_LEVEL_INFO);
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help"))
			return fputs(usage, stdout) < 0;
	r = arguments_parse(&role, argc, argv);
	if (r == WORKER_EXIT_USAGE)
		(void)fputs(usage, stderr);
	if (r)
		return r;
	role.supervisor = supervisor_new(NULL, NULL);
	if (!role.supervisor || srt_startup() < 0)
		return WORKER_EXIT_SOFTWARE;
	srt_setloghandler(NULL, on_library_log);
	srt_setloglevel(LOG_LEVEL_ERR);
	groups_probe(&role);
	r = role.leg.sends ? send_run(&role) : receive_run(&role);
	(void)srt_cleanup();
	supervisor_free(role.supervisor);
	explicit_bzero(role.leg.passphrase, sizeof(role.leg.passphrase));
	return r;
}
