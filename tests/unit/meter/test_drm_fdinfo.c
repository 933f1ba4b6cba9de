// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "meter/drm_fdinfo.h"

static const struct drm_engine *engine(const struct drm_fdinfo *info, const char *name)
{
	for (u32 i = 0; i < info->engines; i++) {
		if (strcmp(info->engine[i].name, name) == 0)
			return &info->engine[i];
	}
	fail_msg("no engine \"%s\"", name);
	return NULL;
}

/* The keys as i915 writes them. */
static void test_i915(void **state)
{
	static const char text[] = "pos:\t0\n"
				   "flags:\t02100002\n"
				   "drm-driver:\ti915\n"
				   "drm-client-id:\t7\n"
				   "drm-pdev:\t0000:00:02.0\n"
				   "drm-total-system0:\t6212 KiB\n"
				   "drm-engine-render:\t25662044495 ns\n"
				   "drm-engine-copy:\t0 ns\n"
				   "drm-engine-video:\t9 ns\n"
				   "drm-engine-capacity-video:\t2\n"
				   "drm-engine-video-enhance:\t3 ns\n";
	struct drm_fdinfo info;

	(void)state;
	assert_int_equal(drm_fdinfo_parse(text, &info), 0);
	assert_string_equal(info.driver, "i915");
	assert_string_equal(info.address, "0000:00:02.0");
	assert_int_equal(info.client, 7);
	assert_int_equal(info.engines, 4);
	assert_true(engine(&info, "render")->has_ns);
	assert_true(engine(&info, "render")->busy_ns == 25662044495);
	assert_int_equal(engine(&info, "render")->capacity, 1);
	assert_int_equal(engine(&info, "copy")->busy_ns, 0);
	assert_int_equal(engine(&info, "video")->capacity, 2);
	assert_int_equal(engine(&info, "video-enhance")->busy_ns, 3);
	assert_false(engine(&info, "video")->has_cycles);
}

/* And as xe does. */
static void test_xe(void **state)
{
	static const char text[] = "drm-driver:     xe\n"
				   "drm-client-id:  3\n"
				   "drm-pdev:       0000:03:00.0\n"
				   "drm-client-name: \n"
				   "drm-cycles-rcs: 28257900\n"
				   "drm-total-cycles-rcs:   7655183225\n"
				   "drm-cycles-ccs: 17\n"
				   "drm-total-cycles-ccs:   7655183225\n"
				   "drm-engine-capacity-ccs:        4\n";
	struct drm_fdinfo info;

	(void)state;
	assert_int_equal(drm_fdinfo_parse(text, &info), 0);
	assert_int_equal(info.engines, 2);
	assert_false(engine(&info, "rcs")->has_ns);
	assert_true(engine(&info, "rcs")->has_cycles && engine(&info, "rcs")->has_total);
	assert_int_equal(engine(&info, "rcs")->cycles, 28257900);
	assert_true(engine(&info, "rcs")->total_cycles == 7655183225);
	assert_int_equal(engine(&info, "ccs")->capacity, 4);
}

static void test_not_drm(void **state)
{
	struct drm_fdinfo info;

	(void)state;
	assert_int_equal(drm_fdinfo_parse("", &info), -ENODATA);
	assert_int_equal(drm_fdinfo_parse("pos:\t0\nflags:\t0100002\n", &info), -ENODATA);
	assert_int_equal(drm_fdinfo_parse("drm-driver: vgem\n", &info), -ENODATA);
	assert_int_equal(drm_fdinfo_parse("drm-client-id: 7\n", &info), -ENODATA);
	assert_int_equal(drm_fdinfo_parse("drm-driver: x\ndrm-client-id: none\n", &info), -ENODATA);
}

/* Lines that say nothing that can be used change nothing. */
static void test_strange_lines(void **state)
{
	static const char text[] = "drm-driver: amdgpu\r\n"
				   "drm-client-id: 18446744073709551616\n"
				   "drm-client-id: 18446744073709551615\n"
				   "drm-client-id: 5\n"
				   "drm-pdev: an address that is much too long\n"
				   "drm-pdev: 0000:03:00.0\n"
				   "drm-pdev: 0000:04:00.0\n"
				   "drm-engine-: 1 ns\n"
				   "drm-engine-gfx 7 ns\n"
				   "drm-engine-gfx: 7 ms\n"
				   "drm-engine-gfx: -7 ns\n"
				   "drm-engine-gfx: ns\n"
				   "drm-engine-gfx: 7ns 8\n"
				   "drm-engine-gfx: 99999999999999999999 ns\n"
				   "drm-engine-with-a-name-too-long: 7 ns\n"
				   "drm-engine-capacity-dec: 0\n"
				   "drm-engine-capacity-dec: 4294967296\n"
				   "drm-engine-dec: 12\n"
				   "drm-cycles-dec: 5 Hz\n"
				   "drm-maxfreq-dec: 900 MHz\n"
				   "XYZdrm-engine-enc: 5 ns\n";
	struct drm_fdinfo info;

	(void)state;
	assert_int_equal(drm_fdinfo_parse(text, &info), 0);
	assert_string_equal(info.driver, "amdgpu");
	assert_true(info.client == UINT64_MAX);
	assert_string_equal(info.address, "0000:03:00.0");
	assert_int_equal(info.engines, 1);
	assert_int_equal(engine(&info, "dec")->busy_ns, 12);
	assert_int_equal(engine(&info, "dec")->capacity, 1);
	assert_false(engine(&info, "dec")->has_cycles);
}

static void test_many_engines(void **state)
{
	char text[4096] = "drm-driver: x\ndrm-client-id: 1\n";
	struct drm_fdinfo info;

	(void)state;
	for (int i = 0; i < 40; i++) {
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "drm-engine-e%d: %d ns\n", i, i);
	}
	assert_int_equal(drm_fdinfo_parse(text, &info), 0);
	assert_int_equal(info.engines, DRM_ENGINES_MAX);
	assert_int_equal(engine(&info, "e11")->busy_ns, 11);
}

static void test_nodes(void **state)
{
	static const char *const others[] = {
		"/dev/null",
		"/dev/dri/by-path",
		"/dev/dri/card",
		"/dev/dri/card0-DP-1",
		"/dev/dri/renderD",
		"/dev/dri/renderD128 (deleted)",
		"card0",
		"/card0",
		"dri/card0",
		"/dev/drx/card0",
		"/dev/dri/card-1",
		"socket:[4711]",
		"",
		"/dev/dri/controlD64",
		"/dev/dri/card99999999",
	};
	bool is_render = true;
	u32 number = 0;

	(void)state;
	assert_true(drm_node_parse("/dev/dri/card12", &is_render, &number));
	assert_false(is_render);
	assert_int_equal(number, 12);
	assert_true(drm_node_parse("/host/dev/dri/renderD129", &is_render, &number));
	assert_true(is_render);
	assert_int_equal(number, 129);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(drm_node_parse(others[i], &is_render, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_i915),         cmocka_unit_test(test_xe),
		cmocka_unit_test(test_not_drm),      cmocka_unit_test(test_strange_lines),
		cmocka_unit_test(test_many_engines), cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests_name("meter/drm_fdinfo", tests, NULL, NULL);
}
