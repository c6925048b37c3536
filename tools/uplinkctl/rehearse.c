#include "rehearse.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "rehearseview.h"
#include "units.h"

/*
 * uplinkd does the work; here it is asked once a second how far it is, which also keeps it going.
 * An interrupt stops the rehearsal cleanly, and what was measured until then is shown.
 */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static json_t *request(const char *action)
{
	return action ? json_pack("{s:s, s:s}", "command", "rehearse", "action", action)
		      : json_pack("{s:s}", "command", "rehearse");
}

/* The member "rehearsal" of the reply; NULL: told. */
static json_t *ask(struct client *client, json_t *line)
{
	json_t *reply = client_request(client, line) ? client_reply(client) : NULL;
	json_t *rehearsal = json_incref(json_object_get(reply, "rehearsal"));

	json_decref(reply);
	return rehearsal;
}

static void progress(const json_t *rehearsal)
{
	char rate[UNITS_MAX], packets[UNITS_MAX], lost[UNITS_MAX];

	if (!isatty(STDERR_FILENO))
		return;
	units_rate((uint64_t)json_integer_value(json_object_get(rehearsal, "advice_bps")), rate);
	units_count((uint64_t)json_integer_value(json_object_get(rehearsal, "received_packets")),
		    packets);
	units_count((uint64_t)json_integer_value(json_object_get(rehearsal, "lost_packets")), lost);
	(void)fprintf(stderr,
		      "\r\033[K  %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
		      " s, at %s, %s packets arrived, %s lost   (Ctrl-C ends it)",
		      json_integer_value(json_object_get(rehearsal, "elapsed_seconds")),
		      json_integer_value(json_object_get(rehearsal, "seconds")), rate, packets,
		      lost);
	(void)fflush(stderr);
}

static bool is_done(const json_t *rehearsal)
{
	const char *phase = json_string_value(json_object_get(rehearsal, "phase"));

	return phase && !strcmp(phase, "done");
}

static json_t *follow(struct client *client, json_t *rehearsal)
{
	const struct timespec second = { .tv_sec = 1 }, soon = { .tv_nsec = 250000000 };
	bool stopped = false;

	while (rehearsal && !is_done(rehearsal)) {
		const char *action = interrupted && !stopped ? "stop" : NULL;

		progress(rehearsal);
		if (!action)
			(void)nanosleep(stopped ? &soon : &second, NULL);
		stopped |= action != NULL;
		json_decref(rehearsal);
		rehearsal = ask(client, request(action));
	}
	if (isatty(STDERR_FILENO))
		(void)fputs("\r\033[K", stderr);
	return rehearsal;
}

int rehearse(const struct rehearse_options *options)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct client *client = client_open(options->socket);
	json_t *start, *rehearsal;
	const json_t *report;

	if (!client)
		return EX_UNAVAILABLE;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	start = request("start");
	(void)json_object_set_new(start, "seconds", json_integer(options->seconds));
	(void)json_object_set_new(start, "force", json_boolean(options->force));
	rehearsal = follow(client, ask(client, start));
	client_close(client);
	if (!rehearsal)
		return EX_UNAVAILABLE;
	report = json_object_get(rehearsal, "report");
	if (options->json) {
		(void)json_dumpf(rehearsal, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else {
		const char *ended = json_string_value(json_object_get(rehearsal, "ended"));

		rehearseview(options->color, options->unicode, report);
		if (ended && *ended)
			(void)fprintf(stderr, "uplinkctl: the rehearsal ended early: %s\n", ended);
	}
	json_decref(rehearsal);
	return EX_OK;
}
