#pragma once

#include <stdbool.h>
#include <libavcodec/avcodec.h>
#include <libavutil/hwcontext.h>
#include <libavutil/pixfmt.h>

/* How an encoder that runs takes another rate. */
enum backend_steering {
	BACKEND_STEERED_AT_ONCE,       /* with any picture, at no cost */
	BACKEND_STEERED_AT_A_KEYFRAME, /* a change of the rate makes one */
	BACKEND_OPENED_ANEW,	       /* cannot be steered; costs a keyframe as well */
};

/*
 * The encoders that libavcodec offers, and how each is told the same: no picture held back, a
 * constant rate, no keyframe but those asked for.
 */
struct backend {
	const char *name; /* as in the configuration */
	enum AVCodecID codec;
	const char *implementation; /* libavcodec's name */
	const char *title;	    /* for people */
	const char *needs;	    /* for people: what is missing when it cannot be opened */
	enum AVPixelFormat format;  /* of the pictures that it is given */
	enum AVHWDeviceType device; /* pictures are uploaded there; NONE: taken from memory */
	enum backend_steering steering;
	const char *options; /* of libavcodec, key=value:... */
	/* In the order of backend_preset(); NULL: it has none. */
	const char *preset_option;
	const char *presets[3];
};

/* The presets from the best to the cheapest, by x264's names; NULL beyond the ends. */
const char *backend_preset(int index);
/* -1: no such preset. */
int backend_preset_index(const char *name);

/* Whether @name ("auto" as well) can stand for an encoder of @codec. */
bool backend_is_known(const char *name, enum AVCodecID codec);
/* The @index-th encoder to be tried for @name: for "auto" hardware in the order of preference, and
 * behind every choice the software encoder of the codec. NULL: no more. */
const struct backend *backend_choice(const char *name, enum AVCodecID codec, unsigned index);
/* All of them, for tests; NULL beyond the end. */
const struct backend *backend_at(unsigned index);
