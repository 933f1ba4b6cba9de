// SPDX-License-Identifier: Apache-2.0
/*
 * The agent: the rooms wired together, and the tick that runs through them. One thread owns it;
 * everybody else reads the snapshots in its box.
 */
#pragma once

#include "activity/activity.h"
#include "ledger/ledger.h"
#include "meter/meter.h"

struct agent_options {
	struct activity_options activity;
	struct meter_options meter;
	bool qat; /* switch the telemetry of QAT accelerators on */
	enum ledger_idle idle;
	u32 max_series;
	u64 retention_ns;
};

struct agent;

/*
 * Opens meters and activity under @root, which must outlive the agent. On failure returns a
 * negative errno and sets @what to the step that failed.
 */
int agent_new(const struct sysroot *root, const struct agent_options *options, struct agent **agent,
	      const char **what);
struct agent *agent_free(struct agent *agent);

/* The first look: counting begins here. Returns 0 or a negative errno. */
int agent_start(struct agent *agent);

/* One tick: read, settle, divide, post, publish. Returns 0 or a negative errno of a part that
 * failed. */
int agent_tick(struct agent *agent);

/* Changes what can change while it runs; the rest of the options needs a restart. */
void agent_reconfigure(struct agent *agent, const struct agent_options *options);
void agent_set_reload_result(struct agent *agent, bool ok);

/* Takes what waits between ticks when agent_poll_fd() is readable; -1: there is nothing to wait
 * for. */
int agent_poll_fd(const struct agent *agent);
void agent_drain(struct agent *agent);

struct snapshot_box *agent_box(struct agent *agent);
/* Capabilities that the meters found on this machine need to go on, as bits 1 << CAP_.... */
u64 agent_capabilities(const struct agent *agent);

const struct activity *agent_activity(const struct agent *agent);
