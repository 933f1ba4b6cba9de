// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "serve/negotiate.h"

static void test_gzip(void **state)
{
	assert_false(negotiate_gzip(NULL));
	assert_false(negotiate_gzip(""));
	assert_true(negotiate_gzip("gzip"));
	assert_true(negotiate_gzip("deflate , x-gzip ; q=0.001"));
	assert_false(negotiate_gzip("gzip;q=0"));
	assert_false(negotiate_gzip("gzip;q=0.000"));
	assert_false(negotiate_gzip("gzip;q=high"));
	assert_false(negotiate_gzip("gzipped, notgzip"));
	assert_true(negotiate_gzip("identity;q=0.5, *;q=0.1"));
	assert_false(negotiate_gzip("*, gzip;q=0"));
	assert_false(negotiate_gzip(",;,=;q=,"));
}

static void test_openmetrics(void **state)
{
	assert_false(negotiate_openmetrics(NULL));
	assert_false(negotiate_openmetrics("*/*"));
	assert_true(negotiate_openmetrics("application/openmetrics-text"));
	assert_true(negotiate_openmetrics(
		"application/openmetrics-text; version=1.0.0; charset=utf-8"));
	assert_false(negotiate_openmetrics("application/openmetrics-text;version=0.0.1,*/*"));
	assert_true(negotiate_openmetrics(
		"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
		"text/plain;version=1.0.0;q=0.3,*/*;q=0.1"));
	assert_false(negotiate_openmetrics("application/openmetrics-text;q=0.5,text/plain"));
	assert_true(negotiate_openmetrics("application/openmetrics-text;q=0.5,text/plain;q=0.5"));
	assert_false(negotiate_openmetrics("application/openmetrics-textual"));
}

/* Any bytes: nothing is read beyond the end (the sanitizers watch). */
static void test_noise(void **state)
{
	static const char alphabet[] = "gzip;q=0.1,* \t/textplain=;,";

	srand(11);
	for (u32 round = 0; round < 20000; round++) {
		u32 len = (u32)rand() % 40;
		char *text = malloc(len + 1);

		assert_non_null(text);
		for (u32 i = 0; i < len; i++)
			text[i] = alphabet[(u32)rand() % (sizeof(alphabet) - 1)];
		text[len] = '\0';
		negotiate_gzip(text);
		negotiate_openmetrics(text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
