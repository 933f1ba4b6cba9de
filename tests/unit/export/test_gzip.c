// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "export/gzip.h"

struct text {
	const char *at;
	size_t left;
	size_t piece; /* written at a time */
};

static size_t fill(void *ctx, char *buf, size_t size)
{
	struct text *text = ctx;
	size_t len = u64_min(u64_min(text->piece, size), text->left);

	assert_true(size >= GZIP_FILL_MIN);
	memcpy(buf, text->at, len);
	text->at += len;
	text->left -= len;
	return len;
}

/* Packs with our stream, unpacks with zlib, compares. */
static void round_trip(struct gzip_stream *stream, const char *data, size_t size, size_t piece,
		       size_t out)
{
	struct text text = { data, size, piece };
	char *packed = malloc(size + 4096), *unpacked = malloc(size + 1), *buf = malloc(out);
	size_t total = 0, len;
	z_stream z = { 0 };

	gzip_stream_reset(stream, fill, &text);
	while ((len = gzip_stream_read(stream, buf, out)) > 0) {
		assert_true(len <= out);
		assert_true(total + len <= size + 4096);
		memcpy(packed + total, buf, len);
		total += len;
	}
	assert_int_equal(gzip_stream_read(stream, buf, out), 0);
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)packed;
	z.avail_in = (uInt)total;
	z.next_out = (Bytef *)unpacked;
	z.avail_out = (uInt)size + 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, size);
	assert_memory_equal(unpacked, data, size);
	inflateEnd(&z);
	free(buf);
	free(unpacked);
	free(packed);
}

static void test_round_trips(void **state)
{
	enum { SIZE = 300000 };
	struct text none = { 0 };
	struct gzip_stream *stream = gzip_stream_new(fill, &none);
	char *data = malloc(SIZE);

	assert_non_null(stream);
	assert_non_null(data);
	srand(3);
	for (u32 i = 0; i < SIZE; i++)
		data[i] =
			(char)(i % 50 < 45
				       ? "kepler_process_joules_total{pid=\"1\",mode=\"idle\"} "[i %
												 50]
				       : rand());
	round_trip(stream, data, 0, 1, 100);
	round_trip(stream, data, 1, 1, 1);
	round_trip(stream, data, 3000, 7, 1);
	round_trip(stream, data, SIZE, GZIP_FILL_MIN, 4096);
	round_trip(stream, data, SIZE, 5000, 77777);
	for (u32 i = 0; i < SIZE; i++)
		data[i] = (char)rand(); /* does not get smaller */
	round_trip(stream, data, SIZE, GZIP_FILL_MIN, 1000);
	free(data);
	stream = gzip_stream_free(stream);
	assert_null(stream);
}

/* A stream that is given up in the middle leaves nothing behind in the next one. */
static void test_reset_in_the_middle(void **state)
{
	static char data[100000];
	struct text text = { data, sizeof(data), 1000 };
	struct gzip_stream *stream = gzip_stream_new(fill, &text);
	char buf[10];

	assert_int_equal(gzip_stream_read(stream, buf, sizeof(buf)), sizeof(buf));
	round_trip(stream, "hello\n", 6, 6, 100);
	gzip_stream_free(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_reset_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
