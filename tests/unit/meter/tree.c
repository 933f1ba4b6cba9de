// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void tree_path(const struct tree *t, const char *path, char *full, size_t size)
{
	assert_true((size_t)snprintf(full, size, "%s/%s", t->dir, path) < size);
}

/* Makes the directories above @path, which is absolute. */
static void tree_parents(const char *path)
{
	char part[512];

	snprintf(part, sizeof(part), "%s", path);
	for (char *c = part + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		assert_true(mkdir(part, 0755) == 0 || errno == EEXIST);
		*c = '/';
	}
}

/* Writes a file in place: whoever has it open reads the new contents. */
void tree_write(const struct tree *t, const char *path, const char *format, ...)
{
	char full[512], text[8192];
	va_list args;
	int fd, len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_in_range(len, 0, sizeof(text) - 1);
	tree_path(t, path, full, sizeof(full));
	tree_parents(full);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)len), len);
	close(fd);
}

void tree_cpu(const struct tree *t, const char *vendor, u32 family, u32 model, const char *flags)
{
	tree_write(t, "proc/cpuinfo",
		   "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n"
		   "model name\t: x\nstepping\t: 1\nflags\t\t: %s\n\n",
		   vendor, family, model, flags);
}

void tree_energy(const struct tree *t, const char *zone, u64 uj)
{
	char path[256];

	snprintf(path, sizeof(path), RAPL "/%s/energy_uj", zone);
	tree_write(t, path, "%llu\n", (unsigned long long)uj);
}

void tree_zone(const struct tree *t, const char *zone, const char *name, u64 uj)
{
	char path[256];

	snprintf(path, sizeof(path), RAPL "/%s/name", zone);
	tree_write(t, path, "%s\n", name);
	snprintf(path, sizeof(path), RAPL "/%s/max_energy_range_uj", zone);
	tree_write(t, path, "%llu\n", RANGE_UJ);
	tree_energy(t, zone, uj);
}

/* As when a driver goes: open files yield nothing, and the directory is gone. */
void tree_zone_gone(const struct tree *t, const char *zone)
{
	static const char *const files[] = { "energy_uj", "name", "max_energy_range_uj", "" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[256], full[512];

		snprintf(path, sizeof(path), RAPL "/%s/%s", zone, files[i]);
		tree_path(t, path, full, sizeof(full));
		if (i == 0)
			assert_int_equal(truncate(full, 0), 0);
		assert_int_equal(remove(full), 0);
	}
}

static void tree_new(struct tree *t)
{
	memset(t, 0, sizeof(*t));
	t->root = (struct sysroot)SYSROOT_NULL;
	snprintf(t->dir, sizeof(t->dir), "/tmp/kepler-meter-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	tree_cpu(t, "GenuineIntel", 6, 106, "fpu msr");
	tree_write(t, "sys/class/thermal/type", "x\n");
	t->input = (struct meter_input){ .now_ns = 1000 * NSEC_PER_SEC,
					 .awake_ns = 900 * NSEC_PER_SEC,
					 .cpus = 4 };
	t->options = meter_options_default();
}

void tree_open(struct tree *t)
{
	char proc[128], sys[128], dev[128];
	const char *which;

	tree_path(t, "proc", proc, sizeof(proc));
	tree_path(t, "sys", sys, sizeof(sys));
	assert_int_equal(sysroot_init(&t->root, proc, sys, &which), 0);
	tree_path(t, "dev", dev, sizeof(dev));
	sysroot_set_dev(&t->root, dev);
	assert_int_equal(meter_set_new(&t->root, &t->options, &t->set), 0);
}

/* One tick: a second passes in which tasks ran for @run_ns. */
void tree_tick(struct tree *t, u64 run_ns)
{
	t->input.now_ns += NSEC_PER_SEC;
	t->input.awake_ns += NSEC_PER_SEC;
	t->input.run_ns += run_ns;
	t->count = meter_set_read(t->set, &t->input, t->readings);
}

/* The zone that has this kernel name and reads well, or UINT32_MAX. */
u32 tree_find(const struct tree *t, const char *name)
{
	for (u32 i = 0; i < t->count; i++) {
		if (t->readings[i].status == METER_OK &&
		    strcmp(meter_set_zone(t->set, i)->name, name) == 0)
			return i;
	}
	return UINT32_MAX;
}

const struct meter_note *tree_note(const struct tree *t, enum meter_id meter, const char *code)
{
	const struct meter_state *state = meter_set_state(t->set, meter);

	for (u32 i = 0; i < state->notes; i++) {
		if (strcmp(state->note[i].code, code) == 0)
			return &state->note[i];
	}
	return NULL;
}

u32 tree_count_ok(const struct tree *t)
{
	u32 ok = 0;

	for (u32 i = 0; i < t->count; i++)
		ok += t->readings[i].status == METER_OK;
	return ok;
}

static int tree_unlink(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static void tree_free(struct tree *t)
{
	t->set = meter_set_free(t->set);
	sysroot_deinit(&t->root);
	nftw(t->dir, tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* cmocka: every test gets a tree of its own, and it goes also when the test fails. */
int tree_setup(void **state)
{
	struct tree *t = malloc(sizeof(*t));

	assert_non_null(t);
	tree_new(t);
	*state = t;
	return 0;
}

int tree_teardown(void **state)
{
	tree_free(*state);
	free(*state);
	return 0;
}
