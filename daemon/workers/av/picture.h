#pragma once

#include <stdbool.h>
#include <libavutil/frame.h>

/*
 * Decoded pictures to what the encoder takes: progressive, 8 bits, 4:2:0, of even size. Pictures
 * that are so already pass as they are.
 */
struct picture;

struct picture_target {
	enum AVPixelFormat format; /* YUV420P or NV12 */
	int height;		   /* the width follows; 0: as it is */
};

struct picture *picture_new(void);
struct picture *picture_free(struct picture *picture);

/* The picture made of @frame (its pts kept), valid until the next call; NULL: it needs another one
 * first (deinterlacing looks ahead), or cannot be converted. Any call may bring another size or
 * format than the one before. */
AVFrame *picture_convert(struct picture *picture, AVFrame *frame,
			 const struct picture_target *target);
/* Whether the last picture passed as it was, but for its size. */
bool picture_was_fit(const struct picture *picture);
