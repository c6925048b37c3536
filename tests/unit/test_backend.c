#include <stdio.h>
#include <string.h>
#include <libavutil/opt.h>

#include "unit/test.h"
#include "workers/av/backend.h"

/*
 * There is no GPU where tests run. What can be known without one: every option that an encoder is
 * given exists in it and takes the value, so that a misspelt one is not ignored in silence.
 */
static void assert_takes(const struct backend *backend, const char *key, const char *value)
{
	const AVCodec *codec = avcodec_find_encoder_by_name(backend->implementation);
	AVCodecContext *context = avcodec_alloc_context3(codec);

	assert_non_null(context);
	if (av_opt_set(context, key, value, AV_OPT_SEARCH_CHILDREN) < 0)
		fail_msg("%s does not take %s=%s", backend->implementation, key, value);
	avcodec_free_context(&context);
}

static void every_option_is_known_to_its_encoder(void **state)
{
	unsigned looked_at = 0;

	(void)state;
	for (unsigned i = 0; backend_at(i); i++) {
		const struct backend *backend = backend_at(i);
		const AVDictionaryEntry *entry = NULL;
		AVDictionary *options = NULL;

		if (!avcodec_find_encoder_by_name(backend->implementation)) {
			print_message("this libavcodec has no %s\n", backend->implementation);
			continue;
		}
		looked_at++;
		assert_int_equal(av_dict_parse_string(&options, backend->options, "=", ":", 0), 0);
		assert_true(av_dict_count(options) > 0);
		while ((entry = av_dict_get(options, "", entry, AV_DICT_IGNORE_SUFFIX)))
			assert_takes(backend, entry->key, entry->value);
		for (int p = 0; backend->preset_option && backend_preset(p); p++)
			assert_takes(backend, backend->preset_option, backend->presets[p]);
		av_dict_free(&options);
	}
	assert_true(looked_at >= 2); /* libx264 and libx265 at least */
}

static void every_encoder_is_one_of_its_codec_and_takes_its_format(void **state)
{
	(void)state;
	for (unsigned i = 0; backend_at(i); i++) {
		const struct backend *backend = backend_at(i);
		const AVCodec *codec = avcodec_find_encoder_by_name(backend->implementation);
		enum AVPixelFormat wanted = backend->device == AV_HWDEVICE_TYPE_VAAPI
						    ? AV_PIX_FMT_VAAPI
						    : backend->format;
		bool takes = false;

		if (!codec)
			continue;
		assert_int_equal(codec->id, backend->codec);
		for (int f = 0; codec->pix_fmts && codec->pix_fmts[f] != AV_PIX_FMT_NONE; f++)
			takes |= codec->pix_fmts[f] == wanted;
		assert_true(takes);
	}
}

static const char *choice(const char *name, enum AVCodecID codec, unsigned index)
{
	const struct backend *backend = backend_choice(name, codec, index);

	return backend ? backend->implementation : "";
}

static void software_stands_behind_every_choice(void **state)
{
	(void)state;
	assert_string_equal(choice("x264", AV_CODEC_ID_H264, 0), "libx264");
	assert_string_equal(choice("x264", AV_CODEC_ID_H264, 1), "");
	assert_string_equal(choice("nvenc", AV_CODEC_ID_H264, 0), "h264_nvenc");
	assert_string_equal(choice("nvenc", AV_CODEC_ID_H264, 1), "libx264");
	assert_string_equal(choice("nvenc", AV_CODEC_ID_H264, 2), "");
	assert_string_equal(choice("vaapi", AV_CODEC_ID_HEVC, 0), "hevc_vaapi");
	assert_string_equal(choice("vaapi", AV_CODEC_ID_HEVC, 1), "libx265");
	assert_string_equal(choice("x265", AV_CODEC_ID_HEVC, 0), "libx265");
	assert_string_equal(choice("auto", AV_CODEC_ID_H264, 0), "h264_nvenc");
	assert_string_equal(choice("auto", AV_CODEC_ID_H264, 1), "h264_qsv");
	assert_string_equal(choice("auto", AV_CODEC_ID_H264, 2), "h264_vaapi");
	assert_string_equal(choice("auto", AV_CODEC_ID_H264, 3), "libx264");
	assert_string_equal(choice("auto", AV_CODEC_ID_H264, 4), "");
}

static void an_encoder_of_another_codec_is_refused(void **state)
{
	(void)state;
	assert_true(backend_is_known("x264", AV_CODEC_ID_H264));
	assert_false(backend_is_known("x264", AV_CODEC_ID_HEVC));
	assert_true(backend_is_known("x265", AV_CODEC_ID_HEVC));
	assert_false(backend_is_known("x265", AV_CODEC_ID_H264));
	assert_true(backend_is_known("qsv", AV_CODEC_ID_HEVC));
	assert_true(backend_is_known("auto", AV_CODEC_ID_HEVC));
	assert_false(backend_is_known("quicksilver", AV_CODEC_ID_H264));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_known_to_its_encoder),
		cmocka_unit_test(every_encoder_is_one_of_its_codec_and_takes_its_format),
		cmocka_unit_test(software_stands_behind_every_choice),
		cmocka_unit_test(an_encoder_of_another_codec_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
