#include "rehearseview.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "units.h"

/*
 * First the plot of what the uplinks together could carry and of what was sent, then each uplink in
 * a line with its own small plot below, then the packets, and last what to do.
 */
#define PLOT_ROWS     6
#define LABEL_CELLS   13 /* left of a plot */
#define WIDTH_DEFAULT 80
#define NAME_CELLS    12

struct view {
	bool color, unicode;
	size_t columns; /* of a plot */
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

static uint64_t at(const json_t *array, size_t i)
{
	json_int_t value = json_integer_value(json_array_get(array, i));

	return value > 0 ? (uint64_t)value : 0;
}

static uint64_t most(const json_t *array)
{
	uint64_t max = 0;

	for (size_t i = 0; i < json_array_size(array); i++)
		max = at(array, i) > max ? at(array, i) : max;
	return max;
}

/* Of eight; 0 is a space. */
static const char *block(const struct view *view, unsigned eighths)
{
	static const char *const blocks[] = { " ",	"\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	static const char *const plain[] = { " ", "_", ".", ".", "-", "=", "+", "*", "#" };

	return (view->unicode ? blocks : plain)[eighths > 8 ? 8 : eighths];
}

/* Value @c of @columns that stand for the whole array: the least of those it stands for. */
static uint64_t least(const json_t *array, size_t c, size_t columns)
{
	size_t count = json_array_size(array);
	uint64_t value = UINT64_MAX;

	for (size_t i = c * count / columns; i < (c + 1) * count / columns; i++)
		value = at(array, i) < value ? at(array, i) : value;
	return value == UINT64_MAX ? 0 : value;
}

static size_t columns_of(const struct view *view, const json_t *array)
{
	size_t count = json_array_size(array);

	return count < view->columns ? count : view->columns;
}

static void spark(const struct view *view, const char *label, const json_t *values, uint64_t max)
{
	size_t columns = columns_of(view, values);

	(void)printf("  %10s ", label);
	for (size_t c = 0; c < columns && max; c++)
		(void)fputs(
			block(view, (unsigned)((least(values, c, columns) * 8 + max - 1) / max)),
			stdout);
	(void)putchar('\n');
}

static void bars(const struct view *view, const json_t *capacity, const json_t *sent)
{
	uint64_t max = most(capacity) > most(sent) ? most(capacity) : most(sent);
	size_t columns = columns_of(view, capacity);
	char label[UNITS_MAX];

	if (!max)
		return;
	(void)puts("  what the uplinks could carry together, second by second");
	for (unsigned row = PLOT_ROWS; row-- > 0;) {
		units_rate(max * 1000 * (row + 1) / PLOT_ROWS, label);
		(void)printf("  %10s ", label);
		for (size_t c = 0; c < columns; c++) {
			uint64_t eighths = least(capacity, c, columns) * PLOT_ROWS * 8 / max;
			uint64_t below = (uint64_t)row * 8;

			(void)fputs(block(view, eighths > below ? (unsigned)(eighths - below) : 0),
				    stdout);
		}
		(void)putchar('\n');
	}
	spark(view, "sent", sent, max);
	(void)putchar('\n');
}

static void uplinks(const struct view *view, const json_t *list)
{
	char worst[UNITS_MAX], median[UNITS_MAX], rtt[UNITS_MAX], jitter[UNITS_MAX],
		loss[UNITS_MAX], bytes[UNITS_MAX];
	json_t *uplink;
	size_t i;

	(void)printf("  %-*s %10s %10s %9s %8s %7s %8s %8s\n", NAME_CELLS, "UPLINK", "CAPACITY",
		     "WORST 5 %", "RTT", "JITTER", "LOSS", "OUTAGES", "DATA");
	json_array_foreach(list, i, uplink)
	{
		const json_t *values = json_object_get(uplink, "capacity_kbps");

		units_rate(number(uplink, "capacity_median_bps"), median);
		units_rate(number(uplink, "capacity_p5_bps"), worst);
		units_delay(number(uplink, "rtt_median_usec"), rtt);
		units_delay(number(uplink, "jitter_usec"), jitter);
		units_percent(number(uplink, "loss_ppm"), loss);
		units_bytes(number(uplink, "bytes"), bytes);
		(void)printf("  %-*s %10s %10s %9s %8s %7s %8" PRIu64 " %8s\n", NAME_CELLS,
			     text(uplink, "name"), median, worst, rtt, jitter, loss,
			     number(uplink, "outages"), bytes);
		spark(view, "", values, most(values));
	}
}

static void packets(const json_t *report)
{
	char a[UNITS_MAX], b[UNITS_MAX], c[UNITS_MAX];
	json_t *late;
	size_t i;

	units_count(number(report, "received_packets"), a);
	units_count(number(report, "lost_packets"), b);
	units_delay(number(report, "latency_usec"), c);
	(void)printf("\n  %s packets arrived, %s were lost at the latency of %s\n", a, b, c);
	units_delay(number(report, "delay_median_usec"), a);
	units_delay(number(report, "delay_p99_usec"), b);
	units_delay(number(report, "delay_p999_usec"), c);
	(void)printf("  delay on the way: half of them within %s, 99 %% %s, 99.9 %% %s\n", a, b, c);
	(void)fputs("  too late", stdout);
	json_array_foreach(json_object_get(report, "late"), i, late)
	{
		units_count(number(late, "late_packets"), a);
		units_delay(number(late, "latency_usec"), b);
		(void)printf("%s at %s: %s%s", i ? "," : "", b,
			     json_is_true(json_object_get(late, "at_most")) ? "at most " : "", a);
	}
	(void)puts("\n");
}

/* The advice, wrapped at 78 columns. */
static void lines(const struct view *view, const json_t *list)
{
	json_t *line;
	size_t i;

	json_array_foreach(list, i, line)
	{
		const char *level = text(line, "level"), *p = text(line, "text");
		bool warning = !strcmp(level, "warning");

		if (view->color)
			(void)printf("\033[%sm", warning		    ? "31"
						 : !strcmp(level, "advice") ? "33"
									    : "32");
		(void)printf("  %s ", warning ? "!" : "*");
		if (view->color)
			(void)fputs("\033[0m", stdout);
		while (*p) {
			size_t len = strlen(p);

			if (len > 74) {
				len = 74;
				while (len > 1 && p[len] != ' ')
					len--;
			}
			(void)printf("%.*s\n%s", (int)len, p, p[len] ? "    " : "");
			p += len + (p[len] == ' ');
		}
	}
}

void rehearseview(bool color, bool unicode, const json_t *report)
{
	struct view view = { .color = color, .unicode = unicode };
	struct winsize size = { 0 };

	if (!report)
		return;
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	view.columns =
		(size.ws_col > 2 * LABEL_CELLS ? size.ws_col : WIDTH_DEFAULT) - LABEL_CELLS - 1;
	bars(&view, json_object_get(report, "capacity_kbps"), json_object_get(report, "sent_kbps"));
	uplinks(&view, json_object_get(report, "uplinks"));
	packets(report);
	lines(&view, json_object_get(json_object_get(report, "verdict"), "lines"));
}
