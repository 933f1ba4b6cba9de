// SPDX-License-Identifier: Apache-2.0
#include "meter/cpu_model.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first CPU's block; its longest line, the flags, is below 3 kB. */
#define CPUINFO_SIZE 8192

static const struct cpu_entry {
	struct cpu_id id; /* stepping: the first one */
	u32 last_stepping;
	struct cpu_model model;
} cpu_table[] = {
#define CPU_MODEL(vendor, family, model, first, last, name, watts) \
	{ { vendor, family, model, first }, last, { name, watts } },
#include "meter/cpu_model.def"
#undef CPU_MODEL
};

static const struct cpu_model cpu_unknown = { .name = "unknown" };

enum cpu_field {
	FIELD_VENDOR = 1 << 0,
	FIELD_FAMILY = 1 << 1,
	FIELD_MODEL = 1 << 2,
	FIELD_STEPPING = 1 << 3,
	FIELDS_NEEDED = FIELD_VENDOR | FIELD_FAMILY | FIELD_MODEL,
};

/* A line of cpuinfo is "key<blanks>: value"; NULL when @line does not have this key. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(line, key, len) != 0)
		return NULL;
	line += len;
	while (*line == ' ' || *line == '\t')
		line++;
	if (*line != ':')
		return NULL;
	line++;
	while (*line == ' ' || *line == '\t')
		line++;
	return line;
}

static bool read_number(const char *line, const char *key, u32 *value)
{
	const char *text = value_of(line, key);
	unsigned long parsed;

	if (!text || !isdigit((unsigned char)*text))
		return false;
	parsed = strtoul(text, NULL, 0);
	if (parsed > UINT32_MAX)
		return false;
	*value = (u32)parsed;
	return true;
}

/* Takes what @line says into @id and returns the fields it gave. */
static u32 take_line(const char *line, struct cpu_id *id)
{
	const char *vendor = value_of(line, "vendor_id");
	size_t len;

	if (vendor) {
		len = strcspn(vendor, " \t\n");
		if (len == 0 || len >= sizeof(id->vendor))
			return 0;
		memcpy(id->vendor, vendor, len);
		id->vendor[len] = '\0';
		return FIELD_VENDOR;
	}
	if (read_number(line, "cpu family", &id->family))
		return FIELD_FAMILY;
	if (read_number(line, "model", &id->model))
		return FIELD_MODEL;
	if (read_number(line, "stepping", &id->stepping))
		return FIELD_STEPPING;
	if (read_number(line, "CPU implementer", &id->family)) {
		strcpy(id->vendor, "arm");
		return FIELD_VENDOR | FIELD_FAMILY;
	}
	if (read_number(line, "CPU part", &id->model))
		return FIELD_MODEL;
	return 0;
}

int cpu_id_parse(const char *text, struct cpu_id *id)
{
	struct cpu_id parsed = { 0 };
	u32 have = 0;

	while (*text) {
		/* An empty line ends the block of one CPU. */
		if (*text == '\n' && (have & FIELDS_NEEDED) == FIELDS_NEEDED)
			break;
		have |= take_line(text, &parsed);
		text += strcspn(text, "\n");
		if (*text == '\n')
			text++;
	}
	if ((have & FIELDS_NEEDED) != FIELDS_NEEDED)
		return -EINVAL;
	*id = parsed;
	return 0;
}

const struct cpu_model *cpu_model_find(const struct cpu_id *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(cpu_table); i++) {
		const struct cpu_entry *e = &cpu_table[i];

		if (e->id.family == id->family && e->id.model == id->model &&
		    id->stepping >= e->id.stepping && id->stepping <= e->last_stepping &&
		    strcmp(e->id.vendor, id->vendor) == 0)
			return &e->model;
	}
	return &cpu_unknown;
}

int cpu_id_read(const struct sysroot *root, struct cpu_id *id)
{
	char text[CPUINFO_SIZE];
	ssize_t len = sysroot_read_text(root->proc_fd, "cpuinfo", text, sizeof(text));

	/* A NUL byte inside only ends the text early. */
	return len < 0 ? (int)len : cpu_id_parse(text, id);
}

const struct cpu_model *cpu_model_read(const struct sysroot *root)
{
	struct cpu_id id;

	return cpu_id_read(root, &id) < 0 ? &cpu_unknown : cpu_model_find(&id);
}
