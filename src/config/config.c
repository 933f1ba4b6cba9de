// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/option.h"
#include "config/quote.h"

/* Defaults come from the table like any other value, so that the documents cannot disagree. */
static int set_defaults(struct config *config, struct config_error *error)
{
	const struct place place = { .kind = PLACE_FILE, .name = "built-in default" };

	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];

		if (o->initial[0] != '\0' && config_set(config, o, o->initial, &place, error) < 0)
			return -EINVAL;
	}
	return 0;
}

/* The value of variable @name in @env, or NULL where it is not set or set to nothing. */
static const char *env_get(char *const *env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return (*env)[len + 1] != '\0' ? *env + len + 1 : NULL;
	return NULL;
}

static int set_classic_level(struct config *config, const struct classic_name *classic,
			     const char *text, struct config_error *error)
{
	const struct place place = { .kind = PLACE_ENV, .name = classic->env };
	u32 bit = classic->kind == CLASSIC_LEVEL_PROCESS     ? CONFIG_LEVEL_PROCESS
		  : classic->kind == CLASSIC_LEVEL_CONTAINER ? CONFIG_LEVEL_CONTAINER
							     : CONFIG_LEVEL_VM;

	if (strcasecmp(text, "true") == 0)
		config->exporter_levels |= bit;
	else if (strcasecmp(text, "false") == 0)
		config->exporter_levels &= ~bit;
	else
		return config_fail(
			error, &place, NULL,
			"\"%s\" is not valid; expected true or false, for example: %s=true",
			config_quote(text).text, classic->env);
	return 0;
}

static int set_classic_meter(struct config *config, const struct classic_name *classic,
			     const char *text, struct config_error *error)
{
	const struct place place = { .kind = PLACE_ENV, .name = classic->env };
	struct config_meters *cpu = &config->meter_cpu;
	bool wanted;

	if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
		return config_fail(
			error, &place, NULL,
			"\"%s\" is not valid; expected true or false, for example: %s=true",
			config_quote(text).text, classic->env);
	wanted = strcasecmp(text, "true") == 0;
	if (classic->kind == CLASSIC_METER_GPU && !wanted)
		config->meter_gpu = (struct config_meters){ 0 };
	if (classic->kind == CLASSIC_METER_MSR && wanted && cpu->count < CONFIG_METER_MAX &&
	    !memchr(cpu->meter, CONFIG_METER_RAPL_MSR, cpu->count))
		cpu->meter[cpu->count++] = CONFIG_METER_RAPL_MSR;
	return 0;
}

static int set_classic(struct config *config, const struct classic_name *classic, const char *text,
		       struct config_error *error)
{
	const struct place place = { .kind = PLACE_ENV, .name = classic->env };
	const struct option *option = config_option_find(classic->option);
	char seconds[16];

	switch (classic->kind) {
	case CLASSIC_SAME:
		return config_set(config, option, text, &place, error);
	case CLASSIC_SECONDS:
		if (strlen(text) > 8 || strspn(text, "0123456789") != strlen(text))
			return config_fail(
				error, &place, NULL,
				"\"%s\" is not valid; expected whole seconds, for example: %s=3",
				config_quote(text).text, classic->env);
		snprintf(seconds, sizeof(seconds), "%ss", text);
		return config_set(config, option, seconds, &place, error);
	case CLASSIC_LEVEL_PROCESS:
	case CLASSIC_LEVEL_CONTAINER:
	case CLASSIC_LEVEL_VM:
		break;
	case CLASSIC_METER_GPU:
	case CLASSIC_METER_MSR:
		return set_classic_meter(config, classic, text, error);
	}
	return set_classic_level(config, classic, text, error);
}

static int load_classic(struct config *config, char *const *env, struct config_error *error)
{
	const struct place place = { .kind = PLACE_ENV, .name = "EXPOSE_CONTAINER_METRICS" };
	char name[OPTION_ENV_MAX];

	for (size_t i = 0; i < config_classic_count; i++) {
		const char *text = env_get(env, config_classic[i].env);

		config_env_name(config_option_find(config_classic[i].option), name);
		if (!text || env_get(env, name))
			continue;
		if (set_classic(config, &config_classic[i], text, error) < 0)
			return -EINVAL;
	}
	if (config->exporter_levels == 0)
		return config_fail(error, &place, NULL,
				   "nothing is left to export; expected at least one level, for "
				   "example: KEPLER_EXPORTER_LEVELS=node,container,vm");
	return 0;
}

/*
 * What Kubernetes sets in every pod for a service whose name starts with "kepler":
 * KEPLER_SERVICE_HOST, KEPLER_PORT_9102_TCP_ADDR and the like. Nobody means it for us.
 */
static bool is_service_variable(const char *name)
{
	return strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT") ||
	       strstr(name, "_PORT_") ||
	       (strlen(name) > 5 && strcmp(name + strlen(name) - 5, "_PORT") == 0);
}

static void warn_unknown(struct config *config, const char *name)
{
	const struct option *nearest = NULL;
	char want[OPTION_ENV_MAX];
	char lower[2 * OPTION_NAME_MAX];
	size_t len = 0;

	if (is_service_variable(name))
		return;
	for (name += strlen("KEPLER_"); name[len] != '\0' && len < sizeof(lower) - 1; len++)
		lower[len] =
			name[len] >= 'A' && name[len] <= 'Z' ? (char)(name[len] + 32) : name[len];
	lower[len] = '\0';
	nearest = config_option_nearest(lower);
	config_env_name(nearest, want);
	if (config->warning_count < CONFIG_WARNINGS_MAX)
		snprintf(
			config->warnings[config->warning_count], sizeof(config->warnings[0]),
			"environment variable KEPLER_%s is no setting and was ignored; the nearest is %s",
			config_quote(name).text, want);
	config->warning_count++;
}

static int load_variable(struct config *config, const char *entry, struct config_error *error)
{
	const char *equal = strchr(entry, '=');
	char name[128];
	char want[OPTION_ENV_MAX];
	const struct place place = { .kind = PLACE_ENV, .name = name };

	if (!equal || strncmp(entry, "KEPLER_", strlen("KEPLER_")) != 0)
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(equal - entry), entry);
	for (size_t i = 0; i < config_option_count; i++) {
		config_env_name(&config_options[i], want);
		if (strcmp(name, want) != 0)
			continue;
		if (equal[1] == '\0')
			return 0;
		return config_set(config, &config_options[i], equal + 1, &place, error);
	}
	warn_unknown(config, name);
	return 0;
}

/* Who comes from the classic exporter is told what it did that this one does not. */
static void warn_unused(struct config *config, char *const *env)
{
	for (size_t i = 0; i < config_unused_count; i++) {
		const struct unused_name *unused = &config_unused[i];
		const char *text = env_get(env, unused->env);

		if (!text || strcasecmp(text, unused->harmless) == 0)
			continue;
		if (config->warning_count < CONFIG_WARNINGS_MAX)
			snprintf(config->warnings[config->warning_count],
				 sizeof(config->warnings[0]),
				 "environment variable %s is known but has no effect yet (%s)",
				 unused->env, unused->help);
		config->warning_count++;
	}
}

static int load_env(struct config *config, char *const *env, struct config_error *error)
{
	if (load_classic(config, env, error) < 0)
		return -EINVAL;
	for (char *const *entry = env; *entry; entry++)
		if (load_variable(config, *entry, error) < 0)
			return -EINVAL;
	warn_unused(config, env);
	return 0;
}

/* Reads one flag and returns how many arguments it took, or -EINVAL. */
static int load_flag(struct config *config, const char *arg, const char *next,
		     struct config_error *error)
{
	const struct place place = { .kind = PLACE_FLAG };
	const struct option *option;
	const char *text = strchr(arg, '=');
	char name[128];
	size_t name_len;

	if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
		return config_fail(
			error, &place, NULL,
			"unexpected argument \"%s\"; expected --name=value, for example: "
			"--web.listen-address=0.0.0.0:28282",
			config_quote(arg).text);
	name_len = strcspn(arg + 2, "=");
	if (name_len >= sizeof(name))
		name_len = sizeof(name) - 1; /* longer than any: unknown either way */
	memcpy(name, arg + 2, name_len);
	name[name_len] = '\0';
	option = config_option_find(name);
	if (!option)
		return config_fail(error, &place, NULL, "unknown flag --%s; the nearest is --%s",
				   config_quote(name).text, config_option_nearest(name)->name);
	if (text)
		return config_set(config, option, text + 1, &place, error) < 0 ? -EINVAL : 1;
	if (config_option_is_bool(option))
		return config_set(config, option, "true", &place, error) < 0 ? -EINVAL : 1;
	if (!next)
		return config_fail(error, &place, option, "the value is missing");
	return config_set(config, option, next, &place, error) < 0 ? -EINVAL : 2;
}

static int load_flags(struct config *config, int argc, char *const *argv,
		      struct config_error *error)
{
	for (int i = 0; i < argc;) {
		int taken = load_flag(config, argv[i], i + 1 < argc ? argv[i + 1] : NULL, error);

		if (taken < 0)
			return taken;
		i += taken;
	}
	return 0;
}

static void default_node_name(struct config *config)
{
	size_t bad;

	if (config->node_name[0] != '\0')
		return;
	if (gethostname(config->node_name, sizeof(config->node_name)) < 0 ||
	    config->node_name[0] == '\0' ||
	    !config_is_utf8(config->node_name,
			    strnlen(config->node_name, sizeof(config->node_name)), &bad))
		snprintf(config->node_name, sizeof(config->node_name), "localhost");
	config->node_name[sizeof(config->node_name) - 1] = '\0';
}

int config_load(struct config *config, int argc, char *const *argv, char *const *env,
		struct config_error *error)
{
	struct config next;
	char file[sizeof(next.config_file)];

	error->text[0] = '\0';
	/* Once without the file, to learn its name; what it says comes below the others. */
	if (set_defaults(&next, error) < 0 || load_env(&next, env, error) < 0 ||
	    load_flags(&next, argc, argv, error) < 0)
		return -EINVAL;
	if (next.config_file[0] != '\0') {
		memcpy(file, next.config_file, sizeof(file));
		if (set_defaults(&next, error) < 0 || config_read_yaml(&next, file, error) < 0 ||
		    load_env(&next, env, error) < 0 || load_flags(&next, argc, argv, error) < 0)
			return -EINVAL;
	}
	default_node_name(&next);
	*config = next;
	return 0;
}

/* Whether the value of @option is the same in both; text may differ behind its end. */
static bool is_same(const struct option *option, const struct config *a, const struct config *b)
{
	const char *x = (const char *)a + option->offset;
	const char *y = (const char *)b + option->offset;

	return config_option_is_text(option) ? strcmp(x, y) == 0 : memcmp(x, y, option->size) == 0;
}

void config_needs_restart(const struct config *before, const struct config *now, char *names,
			  size_t size)
{
	static const char *const fixed[] = {
		"web.listen-address",  "web.telemetry-path", "host.sysfs",
		"host.procfs",         "activity.bpf",       "exporter.irq-counters",
		"exporter.max-series", "host.devfs",         "meter.cpu",
		"meter.platform",      "meter.gpu",          "meter.qat",
		"hwmon.assign",        "redfish.url",        "redfish.credentials-file",
		"redfish.ca-file",     "redfish.insecure",   "redfish.interval"
	};
	size_t len = 0;

	names[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(fixed) && len < size; i++) {
		const struct option *option = config_option_find(fixed[i]);

		if (!is_same(option, before, now))
			len += (size_t)snprintf(names + len, size - len, "%s%s", len ? ", " : "",
						option->name);
	}
}
