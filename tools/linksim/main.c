#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "carrier.h"
#include "report.h"
#include "scenario.h"
#include "timeline.h"

/*
 * linksim: bad links on real sockets. One loop: descriptors give packets to the links, one timer
 * is set to the earliest moment at which a link, the timeline or the statistics want something.
 *
 * The timer is not set closer than SLACK ahead: packets that are due within it leave together. This
 * bounds the wake-ups at high rates and delays a packet by at most that.
 */

#define SLACK	     250 /* us */
#define OVERHEAD_UDP 28	 /* IPv4 and UDP, on a relay */
#define LINE_MAX_LEN 1024
#define EVENTS_MAX   64

/* Events of descriptors that are not a carrier's. */
#define EVENT_TIMER  (UINT64_MAX - 0)
#define EVENT_SIGNAL (UINT64_MAX - 1)
#define EVENT_STDIN  (UINT64_MAX - 2)

static const char usage[] =
	"usage: linksim [OPTION...] --link NAME:WORD,... | --scenario FILE\n"
	"\n"
	"Emulates bad network links between UDP sockets or network namespaces.\n"
	"\n"
	"  --link NAME:WORD,...   a link: listen=ADDRESS:PORT, to=ADDRESS:PORT and settings\n"
	"  --tun NAME:WORD,...    a link between namespaces: ns-a=, dev-a=, addr-a=, ns-b=, ...\n"
	"  --at 'TIME NAME WORD...'  something that happens to it\n"
	"  --scenario FILE        links and what happens to them, from a file\n"
	"  --stats                counters once a second, as JSON lines\n"
	"  --seed N               another chance (default 1)\n"
	"  --exit-with-stdin      end when standard input is closed\n"
	"  --help, --version\n"
	"\n"
	"Settings: rate=20M trace=FILE delay=40ms jitter=5ms reorder=yes loss=1% burst=5%:8\n"
	"  duplicate=0.1% queue=300ms queue-bytes=64k mtu=1500 overhead=28\n"
	"  outage=none|blackhole|stall|suspend|down; up. or down. before one: that direction "
	"only.\n"
	"Standard input takes lines such as: lan for 5s outage=blackhole. See linksim(1).\n";

struct program {
	struct scenario scenario;
	struct timeline *timeline;
	struct timeline_link on[SCENARIO_LINKS_MAX];
	struct carrier *carrier[SCENARIO_LINKS_MAX];
	unsigned links;
	int epoll, timer, signals;
	bool stats, exit_with_stdin, over;
	uint64_t seed;
	usec_t start, stats_at, tick_at, timer_at;
	char line[LINE_MAX_LEN]; /* of standard input, until its end has come */
	size_t line_len;
};

static usec_t clock_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (usec_t)now.tv_sec * USEC_PER_SEC + (usec_t)now.tv_nsec / 1000;
}

int carrier_watch(struct carrier *carrier, int fd, unsigned which)
{
	struct epoll_event event = { .events = EPOLLIN,
				     .data.u64 = (uint64_t)carrier->index << 32 | which };

	return epoll_ctl(carrier->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static bool knows_word(const char *target, const char *word)
{
	(void)target;
	return !strcmp(word, "rebind");
}

/* --- what happens ---------------------------------------------------------------------------- */

static void happen(struct program *p, const struct timeline_event *event, usec_t now)
{
	for (unsigned i = 0; i < p->links; i++) {
		if (!scenario_names(event->target, p->carrier[i]->name))
			continue;
		if (p->carrier[i]->ops->rebind(p->carrier[i], now))
			report_event(stdout, "error", "rebind is for relays only");
	}
}

static void run_timeline(struct program *p, usec_t now)
{
	struct timeline_event event;

	while (timeline_next(p->timeline, now, &event))
		happen(p, &event, now);
	p->over |= timeline_has_ended(p->timeline);
}

static void command(struct program *p, char *line, usec_t now)
{
	struct scenario_command command;
	char *errors = NULL;
	size_t size = 0;
	FILE *to;

	line[strcspn(line, "\r\n")] = '\0';
	if (!line[strspn(line, " \t")] || line[strspn(line, " \t")] == '#')
		return;
	to = open_memstream(&errors, &size);
	if (!to)
		return;
	if (scenario_parse_command(&p->scenario, line, "stdin", knows_word, to, &command)) {
		(void)fclose(to);
		errors[strcspn(errors, "\n")] = '\0';
		report_event(stdout, "error", errors);
	} else {
		(void)fclose(to);
		if (timeline_add(p->timeline, &command, now)) {
			run_timeline(p, now);
			report_event(stdout, "done", line);
		} else {
			report_event(stdout, "error", "too many commands are waiting");
		}
	}
	free(errors);
}

static void read_stdin(struct program *p, usec_t now)
{
	ssize_t n = read(STDIN_FILENO, p->line + p->line_len, sizeof(p->line) - 1 - p->line_len);
	char *begin = p->line, *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
		p->over |= p->exit_with_stdin;
		return;
	}
	p->line_len += (size_t)n;
	p->line[p->line_len] = '\0';
	while ((end = strchr(begin, '\n'))) {
		*end = '\0';
		command(p, begin, now);
		begin = end + 1;
	}
	p->line_len -= (size_t)(begin - p->line);
	memmove(p->line, begin, p->line_len);
	if (p->line_len == sizeof(p->line) - 1) {
		report_event(stdout, "error", "a line is too long");
		p->line_len = 0;
	}
}

/* --- the loop -------------------------------------------------------------------------------- */

static void set_timer(struct program *p, usec_t now)
{
	usec_t at = usec_min(timeline_next_at(p->timeline), p->tick_at);
	struct itimerspec spec = { 0 };

	if (p->stats)
		at = usec_min(at, p->stats_at);
	for (unsigned i = 0; i < p->links; i++) {
		at = usec_min(at, link_next_at(p->on[i].up));
		at = usec_min(at, link_next_at(p->on[i].down));
	}
	at = usec_max(at, now + SLACK);
	if (p->timer_at > now && p->timer_at <= at && at - p->timer_at < SLACK)
		return;
	p->timer_at = at;
	spec.it_value.tv_sec = (time_t)(at / USEC_PER_SEC);
	spec.it_value.tv_nsec = (long)(at % USEC_PER_SEC * 1000);
	(void)timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void dispatch(struct program *p, uint64_t what, usec_t now)
{
	uint64_t expirations;
	struct signalfd_siginfo info;

	if (what == EVENT_TIMER) {
		(void)!read(p->timer, &expirations, sizeof(expirations));
	} else if (what == EVENT_SIGNAL) {
		if (read(p->signals, &info, sizeof(info)) == sizeof(info))
			p->over = true;
	} else if (what == EVENT_STDIN) {
		read_stdin(p, now);
	} else {
		struct carrier *carrier = p->carrier[what >> 32];

		carrier->ops->ready(carrier, (unsigned)what, now);
	}
}

static void turn(struct program *p)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(p->epoll, events, EVENTS_MAX, -1);
	usec_t now = clock_now();

	run_timeline(p, now);
	for (int i = 0; i < n; i++)
		dispatch(p, events[i].data.u64, now);
	for (unsigned i = 0; i < p->links; i++)
		p->carrier[i]->ops->flush(p->carrier[i], now);
	if (now >= p->tick_at) {
		p->tick_at = now + USEC_PER_SEC;
		for (unsigned i = 0; i < p->links; i++)
			p->carrier[i]->ops->tick(p->carrier[i], now);
	}
	if (p->stats && now >= p->stats_at) {
		report_stats(stdout, p->carrier, p->links, now - p->start);
		p->stats_at += USEC_PER_SEC;
	}
	set_timer(p, now);
}

/* --- the begin ------------------------------------------------------------------------------- */

static bool watch(struct program *p, int fd, uint64_t what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = what };

	return !epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool begin_loop(struct program *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->epoll < 0 || p->timer < 0 || p->signals < 0 || !watch(p, p->timer, EVENT_TIMER) ||
	    !watch(p, p->signals, EVENT_SIGNAL)) {
		perror("linksim");
		return false;
	}
	/* Files and /dev/null cannot be watched; they have no commands to wait for either. */
	(void)watch(p, STDIN_FILENO, EVENT_STDIN);
	return true;
}

static bool begin_link(struct program *p, unsigned i, usec_t now)
{
	const struct scenario_link *link = &p->scenario.link[i];
	bool tun = *link->dev[0] || *link->dev[1];
	const struct link_config config = { .overhead_bytes = tun ? 0 : OVERHEAD_UDP };
	uint64_t seed = link->has_seed ? link->seed : p->seed * 1000 + i;

	if (tun ? !*link->dev[0] || !*link->dev[1] : !*link->listen || !*link->to) {
		fprintf(stderr, "linksim: %s: wants listen= and to=, or dev-a= and dev-b=\n",
			link->name);
		return false;
	}
	p->on[i] = (struct timeline_link){ .name = link->name,
					   .up = link_new(&config, 0, seed, now),
					   .down = link_new(&config, 0, ~seed, now) };
	p->links = i + 1;
	if (!p->on[i].up || !p->on[i].down) {
		fprintf(stderr, "linksim: out of memory\n");
		return false;
	}
	timeline_begin(&p->scenario, link, &p->on[i], now);
	p->carrier[i] = (tun ? tun_new : relay_new)(link, p->on[i].up, p->on[i].down, p->epoll, i);
	return p->carrier[i];
}

static void end(struct program *p)
{
	for (unsigned i = 0; i < p->links; i++) {
		if (p->carrier[i])
			p->carrier[i]->ops->free(p->carrier[i]);
		link_free(p->on[i].up);
		link_free(p->on[i].down);
	}
	timeline_free(p->timeline);
	scenario_deinit(&p->scenario);
	free(p);
}

static int run(struct program *p)
{
	usec_t now = clock_now();
	int status = 1;

	if (!begin_loop(p))
		goto out;
	for (unsigned i = 0; i < p->scenario.links; i++)
		if (!begin_link(p, i, now))
			goto out;
	p->timeline = timeline_new(&p->scenario, p->on, p->links, now);
	if (!p->timeline) {
		fprintf(stderr, "linksim: out of memory\n");
		goto out;
	}
	p->start = now;
	p->tick_at = p->stats_at = now + USEC_PER_SEC;
	set_timer(p, now);
	report_ready(stdout, p->carrier, p->links);
	while (!p->over)
		turn(p);
	report_stats(stdout, p->carrier, p->links, clock_now() - p->start);
	status = 0;
out:
	end(p);
	return status;
}

/* --- arguments ------------------------------------------------------------------------------- */

/* "NAME:WORD,..." becomes "link NAME WORD,...". */
static bool add_link(struct program *p, const char *argument)
{
	const char *colon = strchr(argument, ':');
	char *text = NULL;
	bool good;

	if (!colon || memchr(argument, '=', (size_t)(colon - argument))) {
		fprintf(stderr, "linksim: %s: wants NAME:WORD,...\n", argument);
		return false;
	}
	if (asprintf(&text, "link %.*s %s", (int)(colon - argument), argument, colon + 1) < 0)
		return false;
	good = !scenario_parse(&p->scenario, text, "--link", knows_word, stderr);
	free(text);
	return good;
}

static bool add_command(struct program *p, const char *argument)
{
	char *text = NULL;
	bool good;

	if (asprintf(&text, "at %s", argument) < 0)
		return false;
	good = !scenario_parse(&p->scenario, text, "--at", knows_word, stderr);
	free(text);
	return good;
}

static bool add_file(struct program *p, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	bool good = file && getdelim(&text, &room, '\0', file) >= 0;

	if (!good)
		fprintf(stderr, "linksim: cannot read %s: %s\n", path,
			file && !ferror(file) ? "it is empty" : strerror(errno));
	good = good && !scenario_parse(&p->scenario, text, path, knows_word, stderr);
	if (file)
		(void)fclose(file);
	free(text);
	return good;
}

static const struct option long_options[] = {
	{ "link", required_argument, NULL, 'l' },      { "tun", required_argument, NULL, 'l' },
	{ "at", required_argument, NULL, 'a' },	       { "scenario", required_argument, NULL, 'f' },
	{ "stats", no_argument, NULL, 'S' },	       { "seed", required_argument, NULL, 's' },
	{ "exit-with-stdin", no_argument, NULL, 'x' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },	       { 0 },
};

/* Less than 0: go on; otherwise the exit status. */
static int parse_arguments(struct program *p, int argc, char **argv)
{
	const char *commands[SCENARIO_COMMANDS_MAX];
	unsigned count = 0;
	bool good = true;

	for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		switch (c) {
		case 'l':
			good &= add_link(p, optarg);
			break;
		case 'a':
			/* They may name links that come later. */
			if (count < SCENARIO_COMMANDS_MAX)
				commands[count++] = optarg;
			break;
		case 'f':
			good &= add_file(p, optarg);
			break;
		case 'S':
			p->stats = true;
			break;
		case 's':
			if (setting_number(optarg, &p->seed)) {
				fprintf(stderr, "linksim: --seed wants a number\n");
				good = false;
			}
			break;
		case 'x':
			p->exit_with_stdin = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("linksim " UPLINKD_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	for (unsigned i = 0; good && i < count; i++)
		good = add_command(p, commands[i]);
	if (good && (optind < argc || !p->scenario.links)) {
		fprintf(stderr, "linksim: %s\n",
			optind < argc ? "there are no arguments but options (see --help)"
				      : "no link is given (see --help)");
		good = false;
	}
	return good ? -1 : 2;
}

int main(int argc, char **argv)
{
	struct program *p = calloc(1, sizeof(*p));
	int status;

	if (!p) {
		fprintf(stderr, "linksim: out of memory\n");
		return 1;
	}
	p->seed = 1;
	status = parse_arguments(p, argc, argv);
	if (status < 0)
		return run(p);
	end(p);
	return status;
}
