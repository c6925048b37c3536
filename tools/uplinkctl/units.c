#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Three significant digits in the largest unit that keeps the number at 1 or more. */
static void scaled(uint64_t value, double step, const char *const units[], char text[UNITS_MAX])
{
	double v = (double)value;
	unsigned i = 0;

	while (v >= 999.5 && units[i + 1]) {
		v /= step;
		i++;
	}
	(void)snprintf(text, UNITS_MAX, "%.*f %s",
		       !i || v >= 99.95 ? 0
		       : v >= 9.995	? 1
					: 2,
		       v, units[i]);
}

void units_rate(uint64_t bps, char text[UNITS_MAX])
{
	static const char *const units[] = { "b/s", "kb/s", "Mb/s", "Gb/s", NULL };

	scaled(bps, 1000, units, text);
}

void units_bytes(uint64_t bytes, char text[UNITS_MAX])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", NULL };

	scaled(bytes, 1000, units, text);
}

void units_size(uint64_t bytes, char text[UNITS_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", NULL };

	scaled(bytes, 1024, units, text);
}

void units_delay(uint64_t usec, char text[UNITS_MAX])
{
	if (usec >= 10000000)
		units_span(usec, text);
	else if (usec >= 1000000)
		(void)snprintf(text, UNITS_MAX, "%.2f s", (double)usec * 1e-6);
	else
		(void)snprintf(text, UNITS_MAX, usec >= 100000 ? "%.0f ms" : "%.1f ms",
			       (double)usec * 1e-3);
}

void units_span(uint64_t usec, char text[UNITS_MAX])
{
	uint64_t s = usec / 1000000;

	if (s >= 86400)
		(void)snprintf(text, UNITS_MAX, "%" PRIu64 " d %02u h", s / 86400,
			       (unsigned)(s / 3600 % 24));
	else if (s >= 3600)
		(void)snprintf(text, UNITS_MAX, "%u h %02u min", (unsigned)(s / 3600),
			       (unsigned)(s / 60 % 60));
	else if (s >= 60)
		(void)snprintf(text, UNITS_MAX, "%u min %02u s", (unsigned)(s / 60),
			       (unsigned)(s % 60));
	else
		(void)snprintf(text, UNITS_MAX, "%u s", (unsigned)s);
}

void units_count(uint64_t value, char text[UNITS_MAX])
{
	char digits[UNITS_MAX];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, value), out = 0;

	if (len + (len - 1) / 3 >= UNITS_MAX) {
		(void)strcpy(text, digits);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[out++] = ' ';
		text[out++] = digits[i];
	}
	text[out] = '\0';
}

void units_percent(uint64_t ppm, char text[UNITS_MAX])
{
	(void)snprintf(text, UNITS_MAX,
		       ppm >= 99950  ? "%.0f %%"
		       : ppm >= 9995 ? "%.1f %%"
				     : "%.2f %%",
		       (double)ppm * 1e-4);
}

void units_clock(uint64_t unix_usec, char text[UNITS_MAX])
{
	time_t seconds = (time_t)(unix_usec / 1000000);
	struct tm local;

	if (!localtime_r(&seconds, &local) || !strftime(text, UNITS_MAX, "%H:%M:%S", &local))
		(void)strcpy(text, "?");
}
