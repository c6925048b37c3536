#pragma once

#include <stdint.h>

/*
 * What is known of the platforms that a stream goes to.
 */
enum platform {
	PLATFORM_CUSTOM, /* nothing is known */
	PLATFORM_YOUTUBE,
	PLATFORM_FACEBOOK,
	PLATFORM_TWITCH,
	PLATFORM_LINKEDIN,
	PLATFORM_VIMEO,
	PLATFORM_KICK,
	PLATFORM_X,
};

/* As in the configuration, by enum platform, NULL at the end. */
extern const char *const platform_names[];

/* The highest bitrate of a picture that it takes; 0: not known. */
uint64_t platform_video_max_bps(enum platform platform);
