#include <stdio.h>
#include <string.h>
#include <libavutil/log.h>

#include "workers/av/role.h"
#include "sys/log.h"
#include "uplinkd/worker.h"

static const struct role {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} roles[] = {
	{ "encode", encode_run,
	  "[--rate-start BPS] [--rate-min BPS] [--rate-max BPS] [--encoder NAME] [--codec NAME]\n"
	  "         [--preset NAME] [--fps-max N] [--ladder no|yes|HEIGHT:RATE,...,HEIGHT]\n"
	  "         [--sound aac|keep] [--no-pass] [--no-drop]\n"
	  "      MPEG-TS on stdin to MPEG-TS on stdout, the video encoded again at the rate that\n"
	  "      {\"command\":\"bitrate\",\"bps\":N} on the control socket asks for.\n"
	  "      {\"command\":\"keyframe\"} asks for one before its time.\n"
	  "      --encoder: x264, x265, nvenc, qsv, vaapi or auto; --codec: h264 or h265.\n"
	  "      --sound keep: MPEG audio and AC-3 are not made AAC.\n"
	  "      --no-pass: what fits the rate is encoded again as well.\n"
	  "      --no-drop: the input can wait (a file); nothing is left out to keep up with it,\n"
	  "      and all is encoded." },
	{ "export", export_run,
	  "--output FILE.mp4 SEGMENT...\n"
	  "      MPEG-TS segments of one recording, in order, to one MP4, without encoding." },
};

int main(int argc, char **argv)
{
	log_open("uplinkd-av", LOG_LEVEL_INFO);
	/* What the libraries say about damaged input is counted by us, not printed per packet. */
	av_log_set_level(AV_LOG_QUIET);
	for (size_t i = 0; argc > 1 && i < sizeof(roles) / sizeof(*roles); i++)
		if (!strcmp(argv[1], roles[i].name))
			return roles[i].run(argc - 1, argv + 1);
	(void)fputs("usage: uplinkd-av ROLE OPTIONS\n", stderr);
	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
		(void)fprintf(stderr, "  %s %s\n", roles[i].name, roles[i].help);
	return WORKER_EXIT_USAGE;
}
