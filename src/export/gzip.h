// SPDX-License-Identifier: Apache-2.0
/*
 * A gzip stream around whatever writes text in pieces. Its memory is fixed: about 200 KiB.
 */
#pragma once

#include <sys/types.h>

#include "base/types.h"

struct gzip_stream;

/*
 * Writes the next part of the text to @buf of @size bytes (at least GZIP_FILL_MIN) and returns its
 * length; 0 at the end, and from then on.
 */
typedef size_t (*gzip_fill_fn)(void *ctx, char *buf, size_t size);

#define GZIP_FILL_MIN 32768

/* A stream of what @fill writes; NULL: out of memory. */
struct gzip_stream *gzip_stream_new(gzip_fill_fn fill, void *ctx);
struct gzip_stream *gzip_stream_free(struct gzip_stream *stream);

/* Starts again, with another text and the same memory. */
void gzip_stream_reset(struct gzip_stream *stream, gzip_fill_fn fill, void *ctx);

/* Writes at most @size (not 0) bytes of the stream to @buf and returns their number; 0 after the
 * end, -EIO when the stream cannot be continued. */
ssize_t gzip_stream_read(struct gzip_stream *stream, char *buf, size_t size);
