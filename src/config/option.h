// SPDX-License-Identifier: Apache-2.0
/*
 * Inside the room: the table of settings made from options.def, and how one value gets into a
 * struct config or becomes an error, wherever it comes from.
 */
#pragma once

#include "config/config.h"

#define OPTION_NAME_MAX 48
#define OPTION_ENV_MAX (OPTION_NAME_MAX + 8)

/*
 * Reads @text into the member of @size bytes at @field. Returns 0, or -EINVAL with @field
 * untouched;
 * @why may then say more than that the value is not valid.
 */
typedef int (*option_parse_fn)(const char *text, void *field, size_t size, const char **why);

struct option {
	const char *name;
	size_t offset; /* of the member in struct config */
	size_t size;
	option_parse_fn parse;
	const char *initial; /* the default as text; "" none */
	const char *expects;
	const char *example;
	const char *help;
};

extern const struct option config_options[];
extern const size_t config_option_count;

enum classic_kind {
	CLASSIC_SAME,
	CLASSIC_SECONDS,
	CLASSIC_LEVEL_PROCESS,
	CLASSIC_LEVEL_CONTAINER,
	CLASSIC_LEVEL_VM,
	CLASSIC_METER_GPU, /* false: no GPU meters */
	CLASSIC_METER_MSR, /* true: adds rapl-msr */
};

struct classic_name {
	const char *env;
	const char *option;
	enum classic_kind kind;
	const char *help; /* how the value differs from the option's; "" not at all */
};

extern const struct classic_name config_classic[];
extern const size_t config_classic_count;

/* A name of the classic exporter for something that is not here yet. */
struct unused_name {
	const char *env;
	const char *harmless; /* the value with which nothing is missed; "" none */
	const char *help;
};

extern const struct unused_name config_unused[];
extern const size_t config_unused_count;

/* Where a value comes from. */
struct place {
	enum { PLACE_FILE, PLACE_ENV, PLACE_FLAG } kind;
	const char *name;   /* of the file or the variable; flags: unused */
	unsigned long line; /* files: from 1, 0 for the whole file */
};

/* The option named @name, or NULL. */
const struct option *config_option_find(const char *name);

/* The option whose name is most like @name. */
const struct option *config_option_nearest(const char *name);

/* The first option of the section @name ("web" of web.x), or NULL where there is no such section.
 */
const struct option *config_section_first(const char *name);

/* Whether the option takes several values. */
bool config_option_is_list(const struct option *option);

/* Whether the value is a string. */
bool config_option_is_text(const struct option *option);

/* Whether a flag of the option needs no value. */
bool config_option_is_bool(const struct option *option);

/* Writes KEPLER_A_B_C for the option a.b-c to @env, of at least OPTION_ENV_MAX bytes. */
void config_env_name(const struct option *option, char *env);

/* Sets one option. Returns 0 or -EINVAL with @error set and @config untouched. */
int config_set(struct config *config, const struct option *option, const char *text,
	       const struct place *place, struct config_error *error);

/* Writes an error about @option (or none) at @place, with what is expected. Returns -EINVAL. */
int config_fail(struct config_error *error, const struct place *place, const struct option *option,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Reads the YAML file @path into @config. Returns 0 or -EINVAL with @error set. */
int config_read_yaml(struct config *config, const char *path, struct config_error *error);

/* The same from memory; @path is for the errors. */
int config_parse_yaml(struct config *config, const char *path, const char *data, size_t len,
		      struct config_error *error);
