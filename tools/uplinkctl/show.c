#include "show.h"

#include <string.h>

#include "units.h"

/*
 * What is most needed comes first: is the stream live, what is lost, then each uplink with its
 * share as a bar, then the jobs; every alarm and reason under what it belongs to. Texts may come
 * from a peer (a stream id, an address): control characters never reach the terminal.
 */
#define BAR_CELLS      12
#define NAME_CELLS_MIN 8
#define NAME_CELLS_MAX 24

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_WARN, PAINT_BAD, PAINT_DIM, PAINT_BOLD };

static const char *const codes[] = {
	[PAINT_NONE] = "0", [PAINT_GOOD] = "32", [PAINT_WARN] = "33",
	[PAINT_BAD] = "31", [PAINT_DIM] = "2",	 [PAINT_BOLD] = "1",
};

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

/* @value left-justified in @width columns, without control characters. */
static void put(const struct show *show, enum paint paint, const char *value, int width)
{
	int columns = 0;

	if (show->color && paint)
		(void)fprintf(show->out, "\033[%sm", codes[paint]);
	for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
		columns += (*p & 0xc0) != 0x80;
		/* C1 controls are U+0080 to U+009F: 0xc2 and a byte below 0xa0. */
		if (*p < ' ' || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			p += *p == 0xc2 && p[1];
			(void)fputc('?', show->out);
		} else {
			(void)fputc(*p, show->out);
		}
	}
	if (show->color && paint)
		(void)fputs("\033[0m", show->out);
	if (columns < width)
		(void)fprintf(show->out, "%*s", width - columns, "");
}

static enum paint stream_paint(const char *stream)
{
	return !strcmp(stream, "live")	    ? PAINT_GOOD
	       : !strcmp(stream, "offline") ? PAINT_BAD
					    : PAINT_WARN;
}

static enum paint path_paint(const char *state)
{
	return !strcmp(state, "up")				 ? PAINT_GOOD
	       : !strcmp(state, "dead") || !strcmp(state, "off") ? PAINT_BAD
								 : PAINT_WARN;
}

static enum paint job_paint(const char *state)
{
	return !strcmp(state, "streaming") || !strcmp(state, "recording") ? PAINT_GOOD
	       : !strcmp(state, "failed")				  ? PAINT_BAD
									  : PAINT_WARN;
}

static void show_media(const struct show *show, const json_t *bond, bool sender)
{
	uint64_t parity = number(bond, sender ? "parity_packets" : "media_recovered");
	char a[UNITS_MAX], b[UNITS_MAX], c[UNITS_MAX];

	units_count(number(bond, "media_delivered"), a);
	units_count(number(bond, "media_lost"), b);
	units_count(number(bond, "media_late"), c);
	(void)fprintf(show->out, "  media    %s delivered, ", a);
	put(show, number(bond, "media_lost") ? PAINT_BAD : PAINT_NONE, b, 0);
	(void)fputs(" lost, ", show->out);
	put(show, number(bond, "media_late") ? PAINT_WARN : PAINT_NONE, c, 0);
	units_count(number(bond, sender ? "media_queued" : "media_held"), a);
	(void)fprintf(show->out, " late; %s %s", a,
		      sender				  ? "waiting to be sent"
		      : !strcmp(text(bond, "feed"), "ts") ? "held until due"
							  : "held for order");
	units_count(parity, a);
	if (parity)
		(void)fprintf(show->out, "; %s %s", a,
			      sender ? "of parity" : "got back from parity");
	(void)fputc('\n', show->out);
}

static void show_bond(const struct show *show, const json_t *status)
{
	const json_t *bond = json_object_get(status, "bond");
	bool up = json_is_true(json_object_get(bond, "session_up"));
	bool sender = !strcmp(text(status, "role"), "sender");
	const char *feed = text(bond, "feed");
	char a[UNITS_MAX], b[UNITS_MAX], c[UNITS_MAX];

	(void)fputs("  bond     ", show->out);
	units_span(number(bond, "session_age_usec"), a);
	units_delay(number(bond, "latency_usec"), b);
	units_delay(number(bond, "rtt_min_usec"), c);
	put(show, up ? PAINT_GOOD : PAINT_BAD, up ? "up" : "down", 0);
	(void)fprintf(show->out, " for %s, latency %s", a, b);
	if (*feed)
		(void)fprintf(show->out, ", feed %s", feed);
	if (number(bond, "rtt_min_usec"))
		(void)fprintf(show->out, ", best round trip %s", c);
	if (sender && *text(bond, "policy")) {
		(void)fputs(", policy ", show->out);
		put(show, PAINT_NONE, text(bond, "policy"), 0);
	}
	(void)fputc('\n', show->out);
	show_media(show, bond, sender);
	if (number(bond, "advice_bps")) {
		units_rate(number(bond, "advice_bps"), a);
		(void)fprintf(show->out, "  advice   %s: ", a);
		put(show, PAINT_NONE, text(bond, "advice_reason"), 0);
		(void)fputc('\n', show->out);
	}
}

static void show_bar(const struct show *show, uint64_t permille)
{
	unsigned full = (unsigned)((permille * BAR_CELLS + 500) / 1000);

	for (unsigned i = 0; i < BAR_CELLS; i++)
		(void)fputs(i >= full	    ? (show->unicode ? "\u2591" : ".")
			    : show->unicode ? "\u2588"
					    : "#",
			    show->out);
}

/* Columns for the names of the uplinks; those of a receiver are addresses. */
static int name_width(const json_t *uplinks)
{
	size_t width = NAME_CELLS_MIN, i;
	json_t *uplink;

	json_array_foreach(uplinks, i, uplink)
	{
		size_t len = strlen(text(uplink, "name"));

		width = len > width ? len : width;
	}
	return (int)(width < NAME_CELLS_MAX ? width : NAME_CELLS_MAX) + 1;
}

/* What the radio says, where there is one. */
static void show_reception(const struct show *show, const json_t *uplink)
{
	json_int_t dbm = json_integer_value(json_object_get(uplink, "signal_dbm"));
	const char *name = *text(uplink, "ssid") ? text(uplink, "ssid") : text(uplink, "operator");
	char rate[UNITS_MAX];

	if (!dbm && !number(uplink, "signal_percent") && !*name && !*text(uplink, "technology"))
		return;
	(void)fputs("          ", show->out);
	if (*name || *text(uplink, "technology")) {
		(void)fputc(' ', show->out);
		put(show, PAINT_DIM, name, 0);
		(void)fputs(*name && *text(uplink, "technology") ? " " : "", show->out);
		put(show, PAINT_DIM, text(uplink, "technology"), 0);
	}
	if (dbm)
		(void)fprintf(show->out, " %lld dBm", (long long)dbm);
	if (number(uplink, "signal_percent"))
		(void)fprintf(show->out, " %u %%", (unsigned)number(uplink, "signal_percent"));
	if (number(uplink, "bitrate_bps")) {
		units_rate(number(uplink, "bitrate_bps"), rate);
		(void)fprintf(show->out, " radio %s", rate);
	}
	(void)fputc('\n', show->out);
}

/* What the operator or a data cap asks of it, and how much of the cap is used. */
static void show_service(const struct show *show, const json_t *uplink)
{
	const char *service = text(uplink, "service"), *notice = text(uplink, "notice");
	bool serves = !*service || !strcmp(service, "serving");
	static const char *const spans[][3] = {
		{ "cap_day_bytes", "day_bytes", "today" },
		{ "cap_month_bytes", "month_bytes", "this month" },
	};
	char used[UNITS_MAX], cap[UNITS_MAX];

	if (!serves || *notice) {
		(void)fputs("           ", show->out);
		put(show, PAINT_WARN, serves ? "" : service, 0);
		(void)fputs(serves || !*notice ? "" : ": ", show->out);
		put(show, PAINT_WARN, notice, 0);
		(void)fputc('\n', show->out);
	}
	if (number(uplink, "rate_max_bps")) {
		units_rate(number(uplink, "rate_max_bps"), cap);
		(void)fprintf(show->out, "           limited to %s\n", cap);
	}
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		if (!number(uplink, spans[i][0]))
			continue;
		units_size(number(uplink, spans[i][1]), used);
		units_size(number(uplink, spans[i][0]), cap);
		(void)fprintf(show->out, "           %s of %s %s\n", used, cap, spans[i][2]);
	}
}

static void show_uplink(const struct show *show, const json_t *uplink, bool sender, int width)
{
	const char *problem = text(uplink, "problem"), *state = text(uplink, "state");
	uint64_t share = number(uplink, "share_permille");
	char rate[UNITS_MAX], can[UNITS_MAX], rtt[UNITS_MAX], queue[UNITS_MAX], loss[UNITS_MAX];
	char percent[UNITS_MAX], age[UNITS_MAX];

	units_rate(number(uplink, sender ? "tx_bps" : "rx_bps"), rate);
	units_rate(number(uplink, "capacity_bps"), can);
	units_delay(number(uplink, "rtt_usec"), rtt);
	units_delay(number(uplink, "queue_usec"), queue);
	units_percent(number(uplink, "loss_ppm"), loss);
	(void)snprintf(percent, sizeof(percent), "%u %%", (unsigned)((share + 5) / 10));
	(void)fputs("  ", show->out);
	put(show, PAINT_BOLD, text(uplink, "name"), width);
	put(show, path_paint(state), state, 8);
	show_bar(show, share);
	(void)fprintf(show->out, " %6s  %10s  %10s  %8s  %8s  %7s\n", percent, rate,
		      number(uplink, "capacity_bps") ? can : "-",
		      number(uplink, "rtt_usec") ? rtt : "-", queue, loss);
	show_reception(show, uplink);
	show_service(show, uplink);
	if (*problem) {
		(void)fputs("           ", show->out);
		put(show, PAINT_WARN, problem, 0);
		(void)fputc('\n', show->out);
	} else if (strcmp(state, "up") != 0 && *text(uplink, "reason")) {
		units_span(number(uplink, "state_age_usec"), age);
		(void)fputs("           ", show->out);
		put(show, PAINT_DIM, text(uplink, "reason"), 0);
		(void)fprintf(show->out, ", %s ago\n", age);
	}
}

static void show_job(const struct show *show, const json_t *job)
{
	const char *kind = text(job, "kind"), *name = text(job, "name"),
		   *state = text(job, "state");
	char rate[UNITS_MAX], bytes[UNITS_MAX], more[UNITS_MAX];

	units_rate(number(job, "rate_bps"), rate);
	units_bytes(number(job, "bytes"), bytes);
	(void)fputs("  ", show->out);
	put(show, PAINT_BOLD, kind, strcmp(kind, name) != 0 && *name ? 0 : 17);
	if (strcmp(kind, name) != 0 && *name) {
		(void)fputc(' ', show->out);
		put(show, PAINT_NONE, name, 16 - (int)strlen(kind));
	}
	(void)fputc(' ', show->out);
	put(show, job_paint(state), state, 13);
	(void)fprintf(show->out, "%10s  %8s  ", rate, bytes);
	put(show, PAINT_NONE, text(job, "where"), 0);
	if (number(job, "dropped_bytes")) {
		units_bytes(number(job, "dropped_bytes"), more);
		(void)fputs(", ", show->out);
		put(show, PAINT_BAD, more, 0);
		put(show, PAINT_BAD, " dropped", 0);
	}
	if (number(job, "ts_errors")) {
		units_count(number(job, "ts_errors"), more);
		(void)fprintf(show->out, ", %s errors in the stream", more);
	}
	if (number(job, "restarts")) {
		units_count(number(job, "restarts"), more);
		(void)fprintf(show->out, ", %s restarts", more);
	}
	(void)fputc('\n', show->out);
	if (*text(job, "alarm")) {
		(void)fputs("                    ", show->out);
		put(show, PAINT_BAD, text(job, "alarm"), 0);
		(void)fputc('\n', show->out);
	}
	if (*text(job, "reason") && job_paint(state) != PAINT_GOOD) {
		(void)fputs("                    ", show->out);
		put(show, PAINT_DIM, text(job, "reason"), 0);
		(void)fputc('\n', show->out);
	}
}

static enum paint severity_paint(const char *severity)
{
	return !strcmp(severity, "ok")	      ? PAINT_GOOD
	       : !strcmp(severity, "error")   ? PAINT_BAD
	       : !strcmp(severity, "warning") ? PAINT_WARN
					      : PAINT_DIM;
}

bool show_findings(const struct show *show, const json_t *findings)
{
	bool bad = false;
	json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
	{
		enum paint paint = severity_paint(text(finding, "severity"));
		const char *uplink = text(finding, "uplink");

		bad |= paint == PAINT_BAD || paint == PAINT_WARN;
		(void)fputs("  ", show->out);
		put(show, paint, text(finding, "severity"), 9);
		put(show, PAINT_BOLD, uplink, 0);
		(void)fputs(*uplink ? ": " : "", show->out);
		put(show, PAINT_NONE, text(finding, "text"), 0);
		(void)fputs(*text(finding, "advice") ? "; " : "", show->out);
		put(show, PAINT_NONE, text(finding, "advice"), 0);
		(void)fputc('\n', show->out);
	}
	return bad;
}

void show_status(const struct show *show, const json_t *status)
{
	const json_t *uplinks = json_object_get(status, "uplinks");
	const json_t *jobs = json_object_get(status, "jobs");
	bool sender = !strcmp(text(status, "role"), "sender");
	int width = name_width(uplinks);
	char span[UNITS_MAX];
	json_t *entry;
	size_t i;

	units_span(number(status, "uptime_usec"), span);
	put(show, PAINT_BOLD, text(status, "role"), 0);
	(void)fputs("  ", show->out);
	put(show, stream_paint(text(status, "stream")), text(status, "stream"), 0);
	(void)fprintf(show->out, "  (uplinkd %s, running for %s)\n", text(status, "version"), span);
	show_bond(show, status);
	(void)fputc('\n', show->out);
	(void)fputs("  ", show->out);
	put(show, PAINT_DIM, "UPLINK", width);
	put(show, PAINT_DIM,
	    "STATE   SHARE                     RATE    CAPACITY       RTT     QUEUE     LOSS", 0);
	(void)fputc('\n', show->out);
	json_array_foreach(uplinks, i, entry)
	{
		show_uplink(show, entry, sender, width);
	}
	if (!json_array_size(uplinks))
		(void)fprintf(show->out, "  none: %s\n",
			      sender ? "no interface has an address and a default route"
				     : "no sender has come yet");
	if (json_array_size(json_object_get(status, "findings"))) {
		(void)fputc('\n', show->out);
		(void)show_findings(show, json_object_get(status, "findings"));
	}
	(void)fputc('\n', show->out);
	put(show, PAINT_DIM, "  JOB               STATE              RATE     BYTES", 0);
	(void)fputc('\n', show->out);
	json_array_foreach(jobs, i, entry)
	{
		show_job(show, entry);
	}
}

void show_log(const struct show *show, const json_t *log, size_t max)
{
	size_t count = json_array_size(log), i = count > max ? count - max : 0;
	char clock[UNITS_MAX];

	for (; i < count; i++) {
		const json_t *entry = json_array_get(log, i);
		uint64_t level = number(entry, "level");

		units_clock(number(entry, "unix_usec"), clock);
		(void)fputs("  ", show->out);
		put(show, PAINT_DIM, clock, 10);
		put(show,
		    level <= 3	 ? PAINT_BAD
		    : level <= 4 ? PAINT_WARN
				 : PAINT_NONE,
		    text(entry, "text"), 0);
		(void)fputc('\n', show->out);
	}
}

void show_line(const struct show *show, const json_t *status)
{
	const json_t *bond = json_object_get(status, "bond");
	char clock[UNITS_MAX], share[UNITS_MAX], rtt[UNITS_MAX];
	json_t *uplink;
	size_t i;

	units_clock(number(status, "unix_usec"), clock);
	(void)fprintf(show->out, "%s ", clock);
	put(show, PAINT_NONE, text(status, "stream"), 0);
	(void)fprintf(show->out,
		      ", delivered %" JSON_INTEGER_FORMAT ", lost %" JSON_INTEGER_FORMAT
		      ", late %" JSON_INTEGER_FORMAT,
		      (json_int_t)number(bond, "media_delivered"),
		      (json_int_t)number(bond, "media_lost"),
		      (json_int_t)number(bond, "media_late"));
	if (number(bond, "media_recovered"))
		(void)fprintf(show->out, ", from parity %" JSON_INTEGER_FORMAT,
			      (json_int_t)number(bond, "media_recovered"));
	json_array_foreach(json_object_get(status, "uplinks"), i, uplink)
	{
		(void)snprintf(share, sizeof(share), "%u %%",
			       (unsigned)((number(uplink, "share_permille") + 5) / 10));
		units_delay(number(uplink, "rtt_usec"), rtt);
		(void)fputs(i ? ", " : "; ", show->out);
		put(show, PAINT_NONE, text(uplink, "name"), 0);
		(void)fprintf(show->out, " %s %s %s", text(uplink, "state"), share, rtt);
	}
	(void)fputc('\n', show->out);
}
