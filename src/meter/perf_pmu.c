// SPDX-License-Identifier: Apache-2.0
#include "meter/perf_pmu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/sysroot.h"

#define TEXT_SIZE 128

/* Reads a small file of a PMU as text. Returns its length or a negative errno. */
static int read_text(int sys_fd, const char *pmu, const char *file, char text[TEXT_SIZE])
{
	char path[160];

	snprintf(path, sizeof(path), PERF_DEVICES "/%s/%s", pmu, file);
	return (int)sysroot_read_text(sys_fd, path, text, TEXT_SIZE);
}

int perf_pmu_type(int sys_fd, const char *pmu, u32 *type)
{
	char text[TEXT_SIZE];
	int r = read_text(sys_fd, pmu, "type", text);
	u64 value;

	if (r >= 0)
		r = sysroot_parse_u64(text, &value);
	if (r < 0)
		return r;
	if (value > UINT32_MAX)
		return -ERANGE;
	*type = (u32)value;
	return 0;
}

/* Makes the event's config out of its terms and the PMU's formats. */
static int make_config(int sys_fd, const char *pmu, const char *terms, u64 *config)
{
	struct perf_term term;
	u64 built = 0;
	int r;

	while ((r = perf_term_next(&terms, &term)) == 1) {
		char file[40], format[TEXT_SIZE];

		snprintf(file, sizeof(file), "format/%s", term.name);
		if (read_text(sys_fd, pmu, file, format) < 0 ||
		    perf_format_put(format, term.value, &built) < 0)
			return -EINVAL;
	}
	if (r == 0)
		*config = built;
	return r;
}

int perf_event_read(int sys_fd, const char *pmu, const char *name, struct perf_event *event)
{
	struct perf_event found = { 0 };
	char file[64], text[TEXT_SIZE];

	snprintf(file, sizeof(file), "events/%s", name);
	if (read_text(sys_fd, pmu, file, text) < 0)
		return -ENOENT;
	if (make_config(sys_fd, pmu, text, &found.config) < 0)
		return -EINVAL;
	snprintf(file, sizeof(file), "events/%s.unit", name);
	if (read_text(sys_fd, pmu, file, text) < 0 || strcmp(text, "Joules") != 0)
		return -EINVAL;
	snprintf(file, sizeof(file), "events/%s.scale", name);
	if (read_text(sys_fd, pmu, file, text) < 0 || perf_scale_parse(text, &found.scale) < 0)
		return -EINVAL;
	*event = found;
	return 0;
}
