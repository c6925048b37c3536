#pragma once

#include <libavutil/frame.h>

/*
 * Decoded pictures to what the encoder takes: progressive, 8 bits, 4:2:0, of even size. Pictures
 * that are so already pass as they are.
 */
struct picture;

struct picture *picture_new(void);
struct picture *picture_free(struct picture *picture);

/* The picture made of @frame (its pts kept), valid until the next call; NULL: it needs another one
 * first (deinterlacing looks ahead), or cannot be converted. Any call may bring another size or
 * format than the one before. */
AVFrame *picture_convert(struct picture *picture, AVFrame *frame);
