// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

struct file {
	yaml_document_t document;
	struct redfish_credentials *out;
	char *error;
};

static int fail(const struct file *f, const yaml_node_t *node, int error, const char *why)
{
	snprintf(f->error, 120, "line %zu: %s", node->start_mark.line + 1, why);
	return error;
}

/* The text of a scalar; "" for null, NULL for anything else. */
static const char *text_of(const yaml_node_t *node)
{
	const char *text;

	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length)
		return NULL;
	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
		return "";
	return text;
}

/* The value of @key in the map @map, or NULL. */
static const yaml_node_t *value_of(struct file *f, const yaml_node_t *map, const char *key)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		const char *text = text_of(yaml_document_get_node(&f->document, pair->key));

		if (text && strcmp(text, key) == 0)
			return yaml_document_get_node(&f->document, pair->value);
	}
	return NULL;
}

static int set_insecure(const struct file *f, const yaml_node_t *value)
{
	const char *text = text_of(value);

	if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
		return fail(f, value, -EINVAL, "insecure is true or false");
	f->out->insecure = strcmp(text, "true") == 0;
	return 0;
}

static int set_field(const struct file *f, const yaml_node_t *key, const yaml_node_t *value)
{
	struct redfish_credentials *out = f->out;
	const struct {
		const char *name;
		char *text;
		size_t size;
	} fields[] = {
		{ "url", out->url, sizeof(out->url) },
		{ "endpoint", out->url, sizeof(out->url) },
		{ "user", out->user, sizeof(out->user) },
		{ "username", out->user, sizeof(out->user) },
		{ "password", out->password, sizeof(out->password) },
		{ "token", out->token, sizeof(out->token) },
		{ "chassis", out->chassis, sizeof(out->chassis) },
	};
	const char *name = text_of(key), *text = text_of(value);

	if (name && strcmp(name, "insecure") == 0)
		return set_insecure(f, value);
	for (size_t i = 0; name && i < ARRAY_SIZE(fields); i++) {
		if (strcmp(name, fields[i].name) != 0)
			continue;
		if (!text || strlen(text) >= fields[i].size)
			return fail(f, value, -E2BIG, "this value is too long, or is not text");
		memset(fields[i].text, 0, fields[i].size);
		memcpy(fields[i].text, text, strlen(text));
		return 0;
	}
	return fail(f, key, -EINVAL,
		    "unknown field; expected url, user, password, token, chassis or insecure");
}

/* Takes all fields of the map @entry; there may be none. */
static int set_fields(struct file *f, const yaml_node_t *entry)
{
	if (!entry)
		return 0;
	if (entry->type != YAML_MAPPING_NODE)
		return fail(f, entry, -EINVAL, "expected a map such as {user: U, password: P}");
	for (const yaml_node_pair_t *pair = entry->data.mapping.pairs.start;
	     pair < entry->data.mapping.pairs.top; pair++) {
		int r = set_field(f, yaml_document_get_node(&f->document, pair->key),
				  yaml_document_get_node(&f->document, pair->value));

		if (r < 0)
			return r;
	}
	return 0;
}

/* The entry of @node: its own, or the one that it names. */
static int find_entry(struct file *f, const yaml_node_t *root, const char *node,
		      const yaml_node_t **entry)
{
	const yaml_node_t *own = value_of(f, value_of(f, root, "nodes"), node);
	const char *bmc = text_of(own);

	*entry = bmc ? value_of(f, value_of(f, root, "bmcs"), bmc) : own;
	if (bmc && !*entry)
		return fail(f, own, -EINVAL, "the BMC that the node names is not under bmcs");
	return 0;
}

static int read_document(struct file *f, const char *node)
{
	const yaml_node_t *root = yaml_document_get_root_node(&f->document);
	const yaml_node_t *defaults = value_of(f, root, "defaults"), *entry = NULL;
	int r;

	if (!root)
		return -ENOENT;
	if (root->type != YAML_MAPPING_NODE)
		return fail(f, root, -EINVAL, "expected a map with the key nodes");
	r = set_fields(f, defaults);
	if (r == 0)
		r = find_entry(f, root, node, &entry);
	if (r == 0)
		r = set_fields(f, entry);
	if (r < 0 || entry)
		return r;
	/* One address for all nodes would be the BMC of a single one, counted by each. */
	if (!strstr(f->out->url, "{node}"))
		memset(f->out->url, 0, sizeof(f->out->url));
	return defaults ? 0 : -ENOENT;
}

/* libyaml does not do it: what was read are secrets. */
static void wipe(yaml_document_t *document)
{
	for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
		if (node->type == YAML_SCALAR_NODE)
			explicit_bzero(node->data.scalar.value, node->data.scalar.length);
	}
}

int redfish_yaml_parse(const char *data, size_t len, const char *node,
		       struct redfish_credentials *out, char error[120])
{
	struct file f = { .out = out, .error = error };
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
	if (yaml_parser_load(&parser, &f.document)) {
		r = read_document(&f, node);
		wipe(&f.document);
		yaml_document_delete(&f.document);
	} else {
		snprintf(error, 120, "line %zu: this is not YAML", parser.problem_mark.line + 1);
		r = -EINVAL;
	}
	yaml_parser_delete(&parser);
	return r;
}
