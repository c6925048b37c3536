#include "platform.h"

#include <stddef.h>

const char *const platform_names[] = {
	[PLATFORM_CUSTOM] = "custom",
	[PLATFORM_YOUTUBE] = "youtube",
	[PLATFORM_FACEBOOK] = "facebook",
	[PLATFORM_TWITCH] = "twitch",
	[PLATFORM_LINKEDIN] = "linkedin",
	[PLATFORM_VIMEO] = "vimeo",
	[PLATFORM_KICK] = "kick",
	[PLATFORM_X] = "x",
	NULL,
};

/* The highest that their own pages recommend for 1080p (60 where they take it). */
uint64_t platform_video_max_bps(enum platform platform)
{
	switch (platform) {
	case PLATFORM_CUSTOM:
		return 0;
	case PLATFORM_YOUTUBE: /* support.google.com, answer 2853702: 1080p60 4 to 10 */
		return 10000000;
	case PLATFORM_FACEBOOK: /* 1080p60 4.5 to 9 */
		return 9000000;
	case PLATFORM_TWITCH: /* 6000 kb/s, constant */
		return 6000000;
	case PLATFORM_LINKEDIN: /* accepts 1080p30, shows 720p */
		return 6000000;
	case PLATFORM_VIMEO: /* 1080p30 */
		return 5000000;
	case PLATFORM_KICK: /* 1080p60 */
		return 8000000;
	case PLATFORM_X:
		return 12000000;
	}
	return 0;
}
