#pragma once

/*
 * Stream ids as the field writes them: free text ("live/cam1"), with a verb in front
 * ("publish:live/cam1", "read:live/cam1"), or the keyed form of SRT's access control
 * ("#!::r=live/cam1,m=publish").
 */
enum streamid_verdict {
	STREAMID_VERDICT_FITS,
	STREAMID_VERDICT_OTHER, /* not the stream that is here */
	STREAMID_VERDICT_MODE,	/* a publisher where players belong, or the other way round */
};

/* Whether a caller that says @given may publish to (or else play) @wanted; "" wants nothing. */
enum streamid_verdict streamid_judge(const char *given, const char *wanted, int publishes);
