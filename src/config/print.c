// SPDX-License-Identifier: Apache-2.0
/* The ways in which options.def is printed. */
#include <stdio.h>
#include <string.h>

#include "config/option.h"

/* Whether option @i is the first of its section. */
static bool starts_section(size_t i)
{
	const char *name = config_options[i].name;
	size_t len = strcspn(name, ".") + 1;

	return i == 0 || strncmp(config_options[i - 1].name, name, len) != 0;
}

static int section_len(const struct option *option)
{
	return (int)strcspn(option->name, ".");
}

/* Prints @text in lines of at most 78 columns, each after @indent. */
static void print_wrapped(FILE *out, const char *indent, const char *text)
{
	size_t room = 78 - strlen(indent);

	while (*text != '\0') {
		size_t len = strlen(text);

		if (len > room) {
			for (len = room; len > 0 && text[len] != ' ';)
				len--;
			if (len == 0)
				len = strcspn(text, " ");
		}
		fprintf(out, "%s%.*s\n", indent, (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

void config_print_help(FILE *out)
{
	static const char indent[] = "        ";

	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];
		char env[OPTION_ENV_MAX];
		char expects[256];

		config_env_name(o, env);
		fprintf(out, "  --%s%s%s\n", o->name, o->initial[0] != '\0' ? "=" : "", o->initial);
		print_wrapped(out, indent, o->help);
		snprintf(expects, sizeof(expects), "Expects %s.", o->expects);
		print_wrapped(out, indent, expects);
		fprintf(out, "%sEnvironment: %s", indent, env);
		for (size_t j = 0; j < config_classic_count; j++)
			if (strcmp(config_classic[j].option, o->name) == 0)
				fprintf(out, ", %s", config_classic[j].env);
		fputc('\n', out);
	}
}

static void print_markdown_classic(FILE *out)
{
	fputs("\n## Classic environment variables\n\n"
	      "These names of the classic exporter are read too. Where the `KEPLER_` variable of the\n"
	      "same setting is set, it wins and the classic one is not looked at.\n\n"
	      "| variable | setting | value |\n| --- | --- | --- |\n",
	      out);
	for (size_t i = 0; i < config_classic_count; i++) {
		const struct classic_name *c = &config_classic[i];

		fprintf(out, "| `%s` | `%s` | %s |\n", c->env, c->option,
			c->help[0] != '\0' ? c->help : "the same");
	}
}

static void print_markdown_unused(FILE *out)
{
	fputs("\n### Known and without effect yet\n\n"
	      "These do nothing here. At the start a warning says so, unless the value asks for nothing that\n"
	      "would be missed.\n\n"
	      "| variable | no warning for | about |\n| --- | --- | --- |\n",
	      out);
	for (size_t i = 0; i < config_unused_count; i++) {
		const struct unused_name *u = &config_unused[i];

		fprintf(out, "| `%s` | %s%s%s | %s |\n", u->env, u->harmless[0] ? "`" : "",
			u->harmless, u->harmless[0] ? "`" : "", u->help);
	}
}

static void print_markdown_intro(FILE *out)
{
	fputs("<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
	      "<!-- Generated from src/config/options.def; a test compares the two. -->\n"
	      "# Settings of `kepler serve`\n\n"
	      "Every setting has one name, spelt in three ways:\n\n"
	      "| where | spelling | example |\n| --- | --- | --- |\n"
	      "| flag | `--a.b-c=value` or `--a.b-c value` | `--web.listen-address=0.0.0.0:28282` |\n"
	      "| environment | `KEPLER_A_B_C` | `KEPLER_WEB_LISTEN_ADDRESS=0.0.0.0:28282` |\n"
	      "| YAML file | `a: {b-c: value}` or `a.b-c: value` | `web.listen-address: 0.0.0.0:28282` |\n\n"
	      "A flag wins over the environment, the environment over the file, the file over the\n"
	      "default; of a flag given twice the last counts. A variable that is set to nothing is not\n"
	      "set. Lists are YAML sequences or words with commas between. `--a.b-c` alone is true\n"
	      "where the setting is true or false. Times are numbers with a unit: us, ms, s, m, h, d;\n"
	      "`1h30m` is one, too.\n\n"
	      "An unknown flag or key, a value that is not valid, and a file that cannot be read are\n"
	      "errors: the program does not start, and after SIGHUP keeps what it had. A variable\n"
	      "`KEPLER_...` that is no setting is only warned of, and not even that when it looks like\n"
	      "one that Kubernetes sets for a service (`KEPLER_..._SERVICE_HOST`, `KEPLER_..._PORT`).\n",
	      out);
}

void config_print_markdown(FILE *out)
{
	print_markdown_intro(out);
	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];
		char env[OPTION_ENV_MAX];

		config_env_name(o, env);
		if (starts_section(i))
			fprintf(out, "\n## %.*s\n", section_len(o), o->name);
		fprintf(out, "\n### `%s`\n\n%s\n\n", o->name, o->help);
		fprintf(out, "- expects: %s\n", o->expects);
		if (o->initial[0] != '\0')
			fprintf(out, "- default: `%s`\n", o->initial);
		fprintf(out, "- example: `--%s=%s`\n", o->name, o->example);
		fprintf(out, "- environment: `%s`", env);
		for (size_t j = 0; j < config_classic_count; j++)
			if (strcmp(config_classic[j].option, o->name) == 0)
				fprintf(out, ", classic `%s`", config_classic[j].env);
		fputc('\n', out);
	}
	print_markdown_classic(out);
	print_markdown_unused(out);
	fputs("\n## A file with every setting\n\n```yaml\n", out);
	config_print_yaml(out);
	fputs("```\n", out);
}

/* Text for man: a leading dot or quote would be a macro, a backslash an escape. */
static void print_man_text(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text != '\0'; text++)
		fputs(*text == '\\' ? "\\e" : (char[]){ *text, '\0' }, out);
}

void config_print_man(FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];
		char env[OPTION_ENV_MAX];

		config_env_name(o, env);
		fprintf(out, ".It Fl -%s Ns = Ns Ar %s\n", o->name,
			o->initial[0] != '\0' ? o->initial : "value");
		print_man_text(out, o->help);
		fputs("\nExpects ", out);
		print_man_text(out, o->expects);
		fprintf(out, ".\nEnvironment:\n.Ev %s", env);
		for (size_t j = 0; j < config_classic_count; j++)
			if (strcmp(config_classic[j].option, o->name) == 0)
				fprintf(out, " ,\n.Ev %s", config_classic[j].env);
		fputs(" .\n", out);
	}
	fputs(".El\n", out);
}

static void print_yaml_value(FILE *out, const struct option *option)
{
	if (!config_option_is_list(option)) {
		fputs(option->initial, out);
		return;
	}
	fputc('[', out);
	for (const char *c = option->initial; *c != '\0'; c++) {
		fputc(*c, out);
		if (*c == ',')
			fputc(' ', out);
	}
	fputc(']', out);
}

void config_print_yaml(FILE *out)
{
	fputs("# Settings of kepler serve, each with its default.\n", out);
	for (size_t i = 0; i < config_option_count; i++) {
		const struct option *o = &config_options[i];
		const char *key = strchr(o->name, '.') + 1;
		char expects[256];

		if (strcmp(o->name, "config.file") == 0)
			continue;
		if (starts_section(i))
			fprintf(out, "%.*s:\n", section_len(o), o->name);
		print_wrapped(out, "  # ", o->help);
		snprintf(expects, sizeof(expects), "Expects %s.", o->expects);
		print_wrapped(out, "  # ", expects);
		if (o->initial[0] == '\0') {
			fprintf(out, "  # %s: %s\n", key, o->example);
			continue;
		}
		fprintf(out, "  %s: ", key);
		print_yaml_value(out, o);
		fputc('\n', out);
	}
}
