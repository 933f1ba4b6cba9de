// SPDX-License-Identifier: Apache-2.0
/*
 * bench_scrape PROCESSES: CPU time of writing the metrics page of so many processes, as text and
 * through gzip, and of copying and of deflating (zlib, level 1) the same text, with cold caches.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "export/exposition.h"
#include "export/gzip.h"
#include "fixture.h"
#include "measure.h"

#define ROUNDS 9
#define PIECE GZIP_FILL_MIN

static char piece[PIECE];
static char *page;
static size_t page_len;

static const struct exposition_options options = {
	.levels = EXPOSITION_NODE | EXPOSITION_CONTAINER | EXPOSITION_PROCESS | EXPOSITION_VM,
	.node_label = true,
	.irq_counters = true,
	.node_name = "a-node-of-a-cluster",
	.cpu_architecture = "Sapphire Rapids",
};

static size_t fill(void *ctx, char *buf, size_t size)
{
	return exposition_read(ctx, buf, size);
}

/* What each returns is the number of bytes that came out. */

static size_t run_text(const struct snapshot *snapshot)
{
	struct exposition exposition;
	size_t len, bytes = 0;

	exposition_init(&exposition, snapshot, &options);
	while ((len = exposition_read(&exposition, piece, PIECE)))
		bytes += len;
	return bytes;
}

static size_t run_gzip(const struct snapshot *snapshot)
{
	struct exposition exposition;
	struct gzip_stream *stream;
	size_t bytes = 0;
	ssize_t len;

	exposition_init(&exposition, snapshot, &options);
	stream = gzip_stream_new(fill, &exposition);
	if (!stream)
		measure_die("allocate memory", 12);
	while ((len = gzip_stream_read(stream, piece, PIECE)) > 0)
		bytes += (size_t)len;
	gzip_stream_free(stream);
	return bytes;
}

static size_t run_copy(const struct snapshot *snapshot)
{
	for (size_t at = 0; at < page_len; at += PIECE) {
		memcpy(piece, page + at, page_len - at < PIECE ? page_len - at : PIECE);
		__asm__ volatile("" ::"r"(piece) : "memory"); /* it is wanted */
	}
	return page_len;
}

static size_t run_zlib(const struct snapshot *snapshot)
{
	z_stream stream = { .next_in = (Bytef *)page, .avail_in = (uInt)page_len };
	size_t bytes = 0;
	int r;

	if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		measure_die("start zlib", 12);
	do {
		stream.next_out = (Bytef *)piece;
		stream.avail_out = PIECE;
		r = deflate(&stream, Z_FINISH);
		bytes += PIECE - stream.avail_out;
	} while (r == Z_OK);
	deflateEnd(&stream);
	return bytes;
}

static void keep_page(const struct snapshot *snapshot, u64 *series)
{
	struct exposition exposition;
	size_t len;

	page = malloc(run_text(snapshot) + PIECE);
	if (!page)
		measure_die("allocate memory", 12);
	exposition_init(&exposition, snapshot, &options);
	while ((len = exposition_read(&exposition, page + page_len, PIECE)))
		page_len += len;
	*series = exposition.series;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		size_t (*run)(const struct snapshot *snapshot);
	} subject[] = { { "text", run_text },
			{ "gzip", run_gzip },
			{ "copy", run_copy },
			{ "zlib", run_zlib } };
	struct snapshot *snapshot = fixture_big(argc > 1 ? (u32)atoi(argv[1]) : 8000);
	u64 ns[ARRAY_SIZE(subject)][ROUNDS], series;
	size_t bytes[ARRAY_SIZE(subject)];

	keep_page(snapshot, &series);
	for (u32 round = 0; round < ROUNDS; round++) {
		for (u32 i = 0; i < ARRAY_SIZE(subject); i++) {
			u64 begin_ns;

			measure_chill();
			begin_ns = measure_cpu_ns();
			bytes[i] = subject[i].run(snapshot);
			ns[i][round] = measure_cpu_ns() - begin_ns;
		}
	}
	printf("{\"series\": %" PRIu64, series);
	for (u32 i = 0; i < ARRAY_SIZE(subject); i++)
		printf(", \"%s_ns\": %.1f, \"%s_bytes\": %zu", subject[i].name,
		       (double)measure_median(ns[i], ROUNDS) / (double)series, subject[i].name,
		       bytes[i]);
	puts("}");
	free(page);
	fixture_free(snapshot);
	return 0;
}
