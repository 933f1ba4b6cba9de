// SPDX-License-Identifier: Apache-2.0
/*
 * What a BMC's documents say of power. Pure: bytes in, numbers and paths out. Unknown members are
 * passed over; a member of the wrong type, null, or beyond what can be true is as good as absent.
 *
 * Schemas: Chassis, EnvironmentMetrics, PowerSubsystem, PowerSupplyCollection, PowerSupply,
 * PowerSupplyMetrics and Power of DMTF DSP8010.
 */
#pragma once

#include <jansson.h>

#include "base/types.h"

#define REDFISH_PATH_MAX 192
#define REDFISH_MEMBERS_MAX 16

/* The path of a resource; "" none. Safe to be sent and to be printed. */
struct redfish_path {
	char text[REDFISH_PATH_MAX];
};

struct redfish_list {
	u32 count;
	u32 left_out; /* members beyond the limit, or without a usable path */
	struct redfish_path path[REDFISH_MEMBERS_MAX];
};

/* What a document says was and is consumed. */
struct redfish_value {
	bool has_power, has_energy;
	u64 power_uw;  /* now, or the mean of the last seconds; 0 for a supply at rest only */
	u64 energy_uj; /* cumulative */
	u64 step_uj;   /* the least change that the digits of energy_uj can show */
	u32 others;    /* members of PowerControl that were not used */
};

struct redfish_root {
	struct redfish_path chassis, sessions;
};

struct redfish_chassis {
	struct redfish_path environment, subsystem, power, contained_by;
	struct redfish_list contains;
	u32 systems; /* computer systems in it */
	bool sled;   /* a blade or sled: one computer of several in what it is in */
};

/* Parses an answer: an object of bounded depth and number of values, or NULL. The caller's. */
json_t *redfish_parse(const char *data, size_t len);

void redfish_read_root(const json_t *doc, struct redfish_root *root);
void redfish_read_members(const json_t *doc, struct redfish_list *list);

/* Member @index alone; "" one without a usable path. Returns false behind the last. */
bool redfish_read_member(const json_t *doc, u32 index, struct redfish_path *path);

void redfish_read_chassis(const json_t *doc, struct redfish_chassis *chassis);

/* The link of the member @name: {"@odata.id": path}. */
void redfish_read_link(const json_t *doc, const char *name, struct redfish_path *path);

/* Whether a power supply's slot is empty, so that nothing is missing when it tells no power. */
bool redfish_read_vacant(const json_t *doc);

/* EnvironmentMetrics: the whole of what it belongs to. */
void redfish_read_environment(const json_t *doc, struct redfish_value *value);

/* PowerSupplyMetrics: what one supply takes in. */
void redfish_read_supply(const json_t *doc, struct redfish_value *value);

/* Power.PowerControl: the member that stands for the whole, never a sum with its parts. */
void redfish_read_control(const json_t *doc, struct redfish_value *value);

/* Power.PowerSupplies: the sum of what all of them take in. */
void redfish_read_inputs(const json_t *doc, struct redfish_value *value);

/*
 * Copies @path as a resource's path: absolute, without what is behind a '#', of characters that
 * need no quotes. Returns false, and "" in @out, for all else.
 */
bool redfish_path_set(struct redfish_path *out, const char *path);

/* Whether two paths name the same resource: a slash at the end makes no difference. */
bool redfish_path_same(const struct redfish_path *a, const struct redfish_path *b);

/* Writes the last element of a path, "" for none: the id of a chassis. */
void redfish_path_id(const struct redfish_path *path, char *id, size_t size);
