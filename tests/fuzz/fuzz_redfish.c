// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes are a BMC's document: what is read from it is within what can be true, and every path
 * is one that may be sent.
 */
#include <stdlib.h>
#include <string.h>

#include "meter/redfish_read.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_path(const struct redfish_path *path)
{
	size_t len = strnlen(path->text, sizeof(path->text));
	char id[REDFISH_PATH_MAX];

	check(len < sizeof(path->text));
	check(len == 0 || (path->text[0] == '/' && len > 1 && path->text[1] != '/'));
	for (size_t i = 0; i < len; i++)
		check(path->text[i] > ' ' && path->text[i] < 127 &&
		      !strchr("\"\\<>#?^`{|}", path->text[i]));
	redfish_path_id(path, id, sizeof(id));
	check(!strchr(id, '/'));
	check(redfish_path_same(path, path));
}

static void check_list(const struct redfish_list *list)
{
	check(list->count <= REDFISH_MEMBERS_MAX);
	for (u32 i = 0; i < list->count; i++)
		check_path(&list->path[i]);
}

static void check_value(const struct redfish_value *value, u32 parts)
{
	/* 10 MW and 1 GWh each */
	check(!value->has_power || value->power_uw <= 10000000000000ULL * parts);
	check(!value->has_energy || value->energy_uj <= 3600000000000000000ULL);
	check(!value->has_energy || value->step_uj > 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	json_t *doc = redfish_parse((const char *)data, size);
	struct redfish_chassis chassis;
	struct redfish_value value;
	struct redfish_list list;
	struct redfish_root root;

	if (!doc)
		return 0;
	redfish_read_root(doc, &root);
	check_path(&root.chassis);
	check_path(&root.sessions);
	redfish_read_members(doc, &list);
	check_list(&list);
	redfish_read_chassis(doc, &chassis);
	check_path(&chassis.environment);
	check_path(&chassis.contained_by);
	check_list(&chassis.contains);
	redfish_read_vacant(doc);
	redfish_read_environment(doc, &value);
	check_value(&value, 1);
	check(!value.has_power || value.power_uw > 0);
	redfish_read_supply(doc, &value);
	check_value(&value, 1);
	redfish_read_control(doc, &value);
	check_value(&value, 1);
	redfish_read_inputs(doc, &value);
	check_value(&value, 20000);
	json_decref(doc);
	return 0;
}
