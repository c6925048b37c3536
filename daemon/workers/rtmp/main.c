#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libavutil/log.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "uplinkd/worker.h"
#include "workers/rtmp/push.h"
#include "workers/rtmp/serve.h"
#include "workers/rtmp/session.h"

static const char usage[] =
	"usage: uplinkd-rtmp serve --listen ADDRESS:PORT --app APP [--key-file FILE]\n"
	"       uplinkd-rtmp push --url-file FILE [--stream-key-file FILE] [--ca-file FILE]\n"
	"\n"
	"serve: takes one RTMP publisher (H.264 or H.265, AAC); MPEG-TS goes to stdout.\n"
	"  --listen ADDRESS:PORT   port 0: any free one, told in the \"ready\" line\n"
	"  --app APP               the application, as in rtmp://HOST/APP/KEY\n"
	"  --key-file FILE         holds the stream key that is demanded; none: any is taken\n"
	"push: MPEG-TS from stdin goes to an RTMP or RTMPS server.\n"
	"  --url-file FILE         holds rtmp[s]://HOST[:PORT]/APP/KEY\n"
	"  --url URL               the same on the command line, for tests: others can read it\n"
	"  --stream-key-file FILE  holds the key; the URL then ends with the app\n"
	"  --ca-file FILE          trusts these certificates instead of the system's\n";

/* The first line of @path; 0 or -errno. */
static int read_secret(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		error = errno;
	(void)close(fd);
	buf[len] = '\0';
	buf[strcspn(buf, "\r\n")] = '\0';
	return error ? -error : buf[0] ? 0 : -ENODATA;
}

/* As read_secret(), complaining; an enum worker_exit. */
static int load_secret(const char *option, const char *path, char *buf, size_t size)
{
	int r = read_secret(path, buf, size);

	if (!r)
		return 0;
	log_err("%s %s: %s", option, path, r == -ENODATA ? "it is empty" : strerror(-r));
	return WORKER_EXIT_CONFIG;
}

/* ADDRESS:PORT; brackets around IPv6. False: it is not. */
static bool split_listen(char *text, struct serve_config *config)
{
	char *colon = strrchr(text, ':'), *end;

	if (!colon || !colon[1] || strtoul(colon + 1, &end, 10) > UINT16_MAX || *end)
		return false;
	*colon = '\0';
	config->port = colon + 1;
	config->host = text;
	if (*text == '[' && colon > text && colon[-1] == ']') {
		colon[-1] = '\0';
		config->host = text + 1;
	}
	if (!strcmp(config->host, "*"))
		config->host = "";
	return true;
}

/* "/live/" is live, as it is in the URL of an encoder. */
static const char *trim_slashes(char *text)
{
	size_t len;

	text += strspn(text, "/");
	for (len = strlen(text); len && text[len - 1] == '/'; len--)
		text[len - 1] = '\0';
	return text;
}

static int serve_main(struct ev_loop *loop, int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "app", required_argument, NULL, 'a' },
		{ "key-file", required_argument, NULL, 'k' },
		{ 0 },
	};
	struct serve_config config = { 0 };
	char *listen = NULL;
	char key[SESSION_TEXT_MAX];
	int option, r;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			listen = optarg;
			break;
		case 'a':
			config.app = trim_slashes(optarg);
			break;
		case 'k':
			r = load_secret("--key-file", optarg, key, sizeof(key));
			if (r)
				return r;
			config.key = key;
			break;
		default:
			return WORKER_EXIT_USAGE;
		}
	}
	if (optind != argc || !listen || !config.app || !*config.app ||
	    !split_listen(listen, &config)) {
		(void)fputs(usage, stderr);
		return WORKER_EXIT_USAGE;
	}
	return serve_run(loop, &config);
}

static int push_main(struct ev_loop *loop, int argc, char **argv)
{
	static const struct option options[] = {
		{ "url-file", required_argument, NULL, 'f' },
		{ "url", required_argument, NULL, 'u' },
		{ "stream-key-file", required_argument, NULL, 'k' },
		{ "ca-file", required_argument, NULL, 'c' },
		{ 0 },
	};
	struct push_config config = { 0 };
	char text[2 * URL_TEXT_MAX] = "", key[URL_TEXT_MAX] = "";
	const char *error;
	struct url url;
	int option, r = 0;

	while (!r && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			r = load_secret("--url-file", optarg, text, sizeof(text));
			break;
		case 'u':
			(void)snprintf(text, sizeof(text), "%s", optarg);
			/* Out of the sight of ps(1), at least from now on. */
			memset(optarg, '*', strlen(optarg));
			break;
		case 'k':
			r = load_secret("--stream-key-file", optarg, key, sizeof(key));
			break;
		case 'c':
			config.ca_file = optarg;
			break;
		default:
			return WORKER_EXIT_USAGE;
		}
	}
	if (r)
		return r;
	if (optind != argc || !*text) {
		(void)fputs(usage, stderr);
		return WORKER_EXIT_USAGE;
	}
	if (url_parse(text, key, &url, &error)) {
		log_err("the URL cannot be used: %s", error);
		return WORKER_EXIT_CONFIG;
	}
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	config.url = &url;
	return push_run(loop, &config);
}

int main(int argc, char **argv)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);

	log_open("uplinkd-rtmp", LOG_LEVEL_INFO);
	av_log_set_level(AV_LOG_QUIET); /* it would write lines about single packets */
	(void)signal(SIGPIPE, SIG_IGN);
	if (loop && argc > 1 && !strcmp(argv[1], "serve"))
		return serve_main(loop, argc - 1, argv + 1);
	if (loop && argc > 1 && !strcmp(argv[1], "push"))
		return push_main(loop, argc - 1, argv + 1);
	(void)fputs(usage, stderr);
	return argc > 1 && !strcmp(argv[1], "--help") ? WORKER_EXIT_OK : WORKER_EXIT_USAGE;
}
