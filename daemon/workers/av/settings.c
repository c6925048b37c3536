#include "workers/av/settings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/av/backend.h"

static bool rate_of(const char *text, uint64_t *ret_bps)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (end == text || *end || !v || v > UINT64_C(1000000000))
		return false;
	*ret_bps = v;
	return true;
}

static bool codec_of(const char *text, enum AVCodecID *ret_codec)
{
	if (!strcmp(text, "h264"))
		*ret_codec = AV_CODEC_ID_H264;
	else if (!strcmp(text, "h265"))
		*ret_codec = AV_CODEC_ID_HEVC;
	else
		return false;
	return true;
}

static bool settings_take(struct settings *settings, int option, const char *value)
{
	switch (option) {
	case 's':
		return rate_of(value, &settings->rate_start_bps);
	case 'n':
		return rate_of(value, &settings->rate_min_bps);
	case 'x':
		return rate_of(value, &settings->rate_max_bps);
	case 'e':
		settings->encoder = value;
		return true;
	case 'c':
		return codec_of(value, &settings->codec);
	case 'p':
		settings->preset = backend_preset_index(value);
		return settings->preset >= 0;
	case 'f':
		settings->fps_max = strtod(value, NULL);
		return settings->fps_max >= 1;
	case 'l':
		return ladder_parse(value, &settings->ladder);
	case 'a':
		settings->keep_sound = !strcmp(value, "keep");
		return settings->keep_sound || !strcmp(value, "aac");
	case 'd':
		settings->live = settings->passing = false;
		return true;
	case 'w':
		settings->passing = false;
		return true;
	}
	return false;
}

bool settings_read(struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rate-start", 1, NULL, 's' }, { "rate-min", 1, NULL, 'n' },
		{ "rate-max", 1, NULL, 'x' },	{ "encoder", 1, NULL, 'e' },
		{ "codec", 1, NULL, 'c' },	{ "preset", 1, NULL, 'p' },
		{ "fps-max", 1, NULL, 'f' },	{ "ladder", 1, NULL, 'l' },
		{ "no-drop", 0, NULL, 'd' },	{ "no-pass", 0, NULL, 'w' },
		{ "sound", 1, NULL, 'a' },	{ 0 },
	};
	struct stat st;
	int c;

	*settings = (struct settings){
		.rate_start_bps = 2500000,
		.rate_min_bps = 300000,
		.rate_max_bps = 10000000,
		.encoder = "x264",
		.codec = AV_CODEC_ID_H264,
		.preset = backend_preset_index("superfast"),
	};
	settings->live = settings->passing = fstat(STDIN_FILENO, &st) || !S_ISREG(st.st_mode);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!settings_take(settings, c, optarg))
			return false;
	return optind == argc && settings->rate_min_bps <= settings->rate_max_bps &&
	       backend_is_known(settings->encoder, settings->codec);
}
