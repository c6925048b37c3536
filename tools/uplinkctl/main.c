#include <errno.h>
#include <langinfo.h>
#include <libgen.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "client.h"
#include "genkey.h"
#include "links.h"
#include "order.h"
#include "rehearse.h"
#include "show.h"
#include "watch.h"

/*
 * What the operator types. One table of verbs; options may stand before or after the verb.
 */
#define OPERANDS_MAX 4

struct arguments {
	const char *verb;
	const char *operand[OPERANDS_MAX + 1]; /* what follows the verb; the rest is NULL */
	unsigned operands;
	const char *socket;
	bool json, force;
	int interval_ms;
	unsigned seconds;
	bool color, unicode;
};

static int on_genkey(const struct arguments *a)
{
	return genkey(a->operand[0]);
}

static int on_status(const struct arguments *a)
{
	const struct show show = { .out = stdout, .color = a->color, .unicode = a->unicode };
	struct client *client = client_open(a->socket);
	json_t *reply = NULL, *status;

	if (client && client_ask(client, "status", 0))
		reply = client_reply(client);
	client_close(client);
	if (!reply)
		return EX_UNAVAILABLE;
	status = json_object_get(reply, "status");
	if (a->json) {
		(void)json_dumpf(status, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		show_status(&show, status);
		if (json_array_size(json_object_get(status, "log"))) {
			(void)puts("\n  LAST CHANGES");
			show_log(&show, json_object_get(status, "log"), 8);
		}
	}
	json_decref(reply);
	return EX_OK;
}

static int on_watch(const struct arguments *a)
{
	struct client *client = client_open(a->socket);
	int status = client ? watch(client, a->interval_ms, a->color, a->unicode) : EX_UNAVAILABLE;

	client_close(client);
	return status;
}

static int on_doctor(const struct arguments *a)
{
	const struct show show = { .out = stdout, .color = a->color, .unicode = a->unicode };
	struct client *client = client_open(a->socket);
	json_t *reply = NULL, *findings;
	bool bad = false;

	if (client && client_ask(client, "doctor", 0))
		reply = client_reply(client);
	client_close(client);
	if (!reply)
		return EX_UNAVAILABLE;
	findings = json_object_get(reply, "findings");
	if (a->json) {
		(void)json_dumpf(findings, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		bad = show_findings(&show, findings);
	}
	json_decref(reply);
	return bad;
}

/* A command whose reply says no more than that it was done. */
static int simple(const struct arguments *a, const char *done)
{
	struct client *client = client_open(a->socket);
	json_t *reply = NULL;

	if (client && client_ask(client, a->verb, 0))
		reply = client_reply(client);
	client_close(client);
	if (!reply)
		return EX_UNAVAILABLE;
	json_decref(reply);
	(void)puts(done);
	return EX_OK;
}

static int on_reload(const struct arguments *a)
{
	return simple(a, "configuration reloaded");
}

static int on_stop(const struct arguments *a)
{
	return simple(a, "stopping");
}

/* uplinkd itself checks; it is beside us, in the sbin beside our bin, or on the PATH. */
static int on_check_config(const struct arguments *a)
{
	char self[3072] = "", path[4096];
	const char *const options[] = { "uplinkd", "--config", a->operand[0], "--check", NULL };
	char *const *arguments = (char *const *)options; /* execv(3) changes nothing */

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
		const char *directory = dirname(self);

		(void)snprintf(path, sizeof(path), "%s/uplinkd", directory);
		(void)execv(path, arguments);
		(void)snprintf(path, sizeof(path), "%s/../sbin/uplinkd", directory);
		(void)execv(path, arguments);
	}
	(void)execvp("uplinkd", arguments);
	(void)fprintf(stderr, "uplinkctl: cannot run uplinkd: %s\n", strerror(errno));
	return EX_OSERR;
}

static int on_policy(const struct arguments *a)
{
	return order_policy(a->socket, a->operand[0]);
}

static int on_uplink(const struct arguments *a)
{
	return order_uplink(a->socket, a->operand[0], a->operand[1], a->operand[2]);
}

static int on_links(const struct arguments *a)
{
	return links(a->socket, a->json, a->color);
}

static int on_rehearse(const struct arguments *a)
{
	const struct rehearse_options options = {
		.socket = a->socket,
		.seconds = a->seconds,
		.force = a->force,
		.json = a->json,
		.color = a->color,
		.unicode = a->unicode,
	};

	return rehearse(&options);
}

static const struct verb {
	const char *name;
	int (*call)(const struct arguments *a);
	const char *operands; /* "" = none */
	unsigned min, max;
	const char *help;
} verbs[] = {
	{ "status", on_status, "", 0, 0, "what uplinkd is doing; --json: for programs" },
	{ "watch", on_watch, "", 0, 0, "the same, live; --interval MS (default 1000)" },
	{ "doctor", on_doctor, "", 0, 0,
	  "check every uplink and tell what to do; 1: something is wrong" },
	{ "links", on_links, "", 0, 0,
	  "which network interfaces there are, which are used, and why the others are not" },
	{ "policy", on_policy, "[NAME]", 0, 1,
	  "tell the policy, or change it: aggregate, broadcast or backup" },
	{ "uplink", on_uplink, "NAME ACTION", 2, 3,
	  "drain, mute or unmute an uplink, or change its \"cost COST\" or \"max RATE\"" },
	{ "rehearse", on_rehearse, "", 0, 0,
	  "try the uplinks with generated media, and advise; --minutes N (default 2), --force, "
	  "--json" },
	{ "reload", on_reload, "", 0, 0, "make uplinkd read its configuration again" },
	{ "stop", on_stop, "", 0, 0, "make uplinkd finish its recordings and end" },
	{ "genkey", on_genkey, "FILE", 1, 1, "make a key for both ends and write it to FILE" },
	{ "check-config", on_check_config, "FILE", 1, 1, "tell all errors of a configuration" },
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *file)
{
	(void)fputs("usage: uplinkctl [--socket PATH|send|receive] VERB [OPERAND]...\n\n", file);
	for (size_t i = 0; i < VERBS; i++)
		(void)fprintf(file, "  %s %-*s %s\n", verbs[i].name,
			      23 - (int)strlen(verbs[i].name), verbs[i].operands, verbs[i].help);
	(void)fputs("\nWithout --socket, the only uplinkd that runs here is asked.\n", file);
}

static int wrong(const char *what, const char *argument)
{
	(void)fprintf(stderr, "uplinkctl: %s%s; see uplinkctl --help\n", what, argument);
	return EX_USAGE;
}

/* An exit status, or -1 to go on. */
static int parse(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		bool value = i + 1 < argc;

		if (!strcmp(argv[i], "--help")) {
			usage(stdout);
			return EX_OK;
		} else if (!strcmp(argv[i], "--version")) {
			(void)puts("uplinkctl " UPLINKD_VERSION);
			return EX_OK;
		} else if (!strcmp(argv[i], "--json")) {
			a->json = true;
		} else if (!strcmp(argv[i], "--force")) {
			a->force = true;
		} else if (!strcmp(argv[i], "--minutes") && value) {
			a->seconds = (unsigned)(strtod(argv[++i], NULL) * 60);
			if (a->seconds < 3 || a->seconds > 3600)
				return wrong("--minutes must be from 0.05 to 60", "");
		} else if (!strcmp(argv[i], "--socket") && value) {
			a->socket = argv[++i];
		} else if (!strcmp(argv[i], "--interval") && value) {
			a->interval_ms = atoi(argv[++i]);
			if (a->interval_ms < 100 || a->interval_ms > 60000)
				return wrong("--interval must be from 100 to 60000 ms", "");
		} else if (argv[i][0] == '-') {
			return wrong("unknown option, or its value is missing: ", argv[i]);
		} else if (!a->verb) {
			a->verb = argv[i];
		} else if (a->operands < OPERANDS_MAX) {
			a->operand[a->operands++] = argv[i];
		} else {
			return wrong("too many arguments: ", argv[i]);
		}
	}
	if (!a->verb) {
		usage(stderr);
		return EX_USAGE;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct arguments a = { .interval_ms = 1000, .seconds = 120 };
	int status;

	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN);
	a.unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
	a.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	status = parse(argc, argv, &a);
	if (status >= 0)
		return status;
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(a.verb, verbs[i].name) != 0)
			continue;
		if (a.operands < verbs[i].min)
			return wrong("something is missing after ", a.verb);
		if (a.operands > verbs[i].max)
			return wrong("too many arguments: ", a.operand[verbs[i].max]);
		return verbs[i].call(&a);
	}
	return wrong("unknown verb: ", a.verb);
}
